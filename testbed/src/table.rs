//! Tables as Parquet files, for the engines in which people study results.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

/// The rows of a group: readers work on groups at a time, each on its own core.
const GROUP_ROWS: usize = 1 << 16;

/// A column. A row without a value is null there.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What it is called; with its unit, if it has one.
    pub name: &'static str,
    /// A value for each row.
    pub values: Values,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// DOUBLE.
    Float(Vec<Option<f64>>),
    /// INT64.
    Integer(Vec<Option<i64>>),
    /// INT64, unsigned.
    Unsigned(Vec<Option<u64>>),
    /// BOOLEAN.
    Truth(Vec<Option<bool>>),
    /// BYTE_ARRAY, in UTF-8.
    Text(Vec<Option<String>>),
}

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The columns have not the same number of rows.
    #[error("column {name} has {found} rows, the first one {expected}")]
    Ragged {
        /// The column.
        name: &'static str,
        /// Its rows.
        found: usize,
        /// Those of the first column.
        expected: usize,
    },
    /// The file could not be written.
    #[error("{0}")]
    Output(#[from] io::Error),
    /// What the library says of it.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
}

/// Writes `columns` as a Parquet file, and with them `about`: keys and values that say
/// where they come from.
///
/// # Errors
/// Columns of different lengths, and what the output answers.
pub fn write(
    columns: &[Column],
    about: &[(&str, &str)],
    output: impl Write + Send,
) -> Result<(), TableError> {
    let rows = columns.first().map_or(0, |column| column.values.rows());
    for Column { name, values } in columns {
        if values.rows() != rows {
            return Err(TableError::Ragged { name, found: values.rows(), expected: rows });
        }
    }
    let mut writer = SerializedFileWriter::new(output, schema(columns)?, properties(about))?;
    for start in (0..rows).step_by(GROUP_ROWS) {
        let end = rows.min(start + GROUP_ROWS);
        let mut group = writer.next_row_group()?;
        for column in columns {
            column.values.write(&mut group, start..end)?;
        }
        group.close()?;
    }
    writer.finish()?;
    writer.inner_mut().flush()?;
    Ok(())
}

fn schema(columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    let field = |column: &Column| {
        let (physical, logical) = column.values.kind();
        let field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build();
        field.map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
    Type::group_type_builder("schema").with_fields(fields).build().map(Arc::new)
}

fn properties(about: &[(&str, &str)]) -> Arc<WriterProperties> {
    let pairs = about.iter().map(|(key, value)| KeyValue::new((*key).into(), value.to_string()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::GZIP(Default::default()))
        .set_key_value_metadata(Some(pairs.collect()));
    Arc::new(properties.build())
}

impl Values {
    fn rows(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Unsigned(values) => values.len(),
            Self::Truth(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    fn kind(&self) -> (Physical, Option<LogicalType>) {
        match self {
            Self::Float(_) => (Physical::DOUBLE, None),
            Self::Integer(_) => (Physical::INT64, None),
            Self::Unsigned(_) => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Self::Truth(_) => (Physical::BOOLEAN, None),
            Self::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        }
    }

    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        rows: std::ops::Range<usize>,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Float(values) => chunk::<DoubleType, _, _>(group, &values[rows], |v| *v),
            Self::Integer(values) => chunk::<Int64Type, _, _>(group, &values[rows], |v| *v),
            Self::Unsigned(values) => {
                chunk::<Int64Type, _, _>(group, &values[rows], |v| v.cast_signed())
            }
            Self::Truth(values) => chunk::<BoolType, _, _>(group, &values[rows], |v| *v),
            Self::Text(values) => {
                chunk::<ByteArrayType, _, _>(group, &values[rows], |v| ByteArray::from(v.as_str()))
            }
        }
    }
}

/// Writes some rows of the next column.
fn chunk<T: DataType, V, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[Option<V>],
    stored: impl Fn(&V) -> T::T,
) -> Result<(), ParquetError> {
    let present: Vec<i16> = rows.iter().map(|row| row.is_some().into()).collect();
    let values: Vec<T::T> = rows.iter().flatten().map(stored).collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(&values, Some(&present), None)?;
        column.close()?;
    }
    Ok(())
}
