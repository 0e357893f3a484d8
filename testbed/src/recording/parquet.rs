//! Recordings as Parquet: a column for each of [`COLUMNS`], any cell of which may be null.
//!
//! What the first line of a text says is in the key-value metadata, under `utcd.recording`.

use std::fs::File;
use std::io::Write;
use std::panic::catch_unwind;
use std::sync::Arc;

use clock_models::recording::{COLUMNS, Cell, Column, Header, Kind, Recording, Row, csv};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;

/// The first bytes of a Parquet file.
pub const MAGIC: &[u8] = b"PAR1";

const HEADER: &str = "utcd.recording";
/// Rows in a group: some megabytes.
const GROUP: usize = 100_000;

/// Why a Parquet file is no recording.
#[derive(Debug, thiserror::Error)]
pub enum ParquetFault {
    /// The library cannot read or write it.
    #[error("{0}; is the file whole? Convert the recording once more")]
    Format(#[from] ParquetError),
    /// The library gives up on it.
    #[error("the file is damaged; convert the recording once more")]
    Damaged,
    /// It can be read, and is something else.
    #[error("{0}; give a file that testbed convert has made")]
    Foreign(String),
    /// A row that cannot be.
    #[error("row {row} of the file: {what}; the file was changed: convert the recording once more")]
    Row {
        /// Counted from 1.
        row: usize,
        /// What is wrong, in which column.
        what: String,
    },
}

/// A file that is being written.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    /// Rows of the next group, as cells.
    waiting: Vec<Vec<Option<Cell>>>,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(out: W, header: &Header) -> Result<Self, ParquetError> {
        let fields: String = COLUMNS.iter().map(field).collect();
        let schema = Arc::new(parse_message_type(&format!("message recording {{ {fields} }}"))?);
        let first = KeyValue::new(HEADER.to_owned(), csv::title(header));
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![first]));
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
        Ok(Self { file, waiting: Vec::new() })
    }

    /// Writes a row, as soon as there are enough for a group.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take(&mut self, row: &Row) -> Result<(), ParquetError> {
        self.waiting.push(row.to_cells());
        if self.waiting.len() < GROUP { Ok(()) } else { self.write_group() }
    }

    /// Ends the file, which is no Parquet file before.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(mut self) -> Result<(), ParquetError> {
        if !self.waiting.is_empty() {
            self.write_group()?;
        }
        self.file.close().map(|_| ())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.waiting);
        let mut group = self.file.next_row_group()?;
        let mut index = 0;
        while let Some(column) = group.next_column()? {
            let cells = rows.iter().map(|cells| cells.get(index).and_then(Option::as_ref));
            write_column(column, COLUMNS[index].kind, cells)?;
            index += 1;
        }
        group.close().map(|_| ())
    }
}

/// Writes rows.
///
/// # Errors
/// What the file system says.
pub fn write<W: Write + Send>(out: W, header: &Header, rows: &[Row]) -> Result<(), ParquetError> {
    let mut writer = Writer::new(out, header)?;
    rows.iter().try_for_each(|row| writer.take(row))?;
    writer.finish()
}

fn field(Column { name, kind }: &Column) -> String {
    let (physical, logical) = match kind {
        Kind::Integer => ("int64", ""),
        Kind::Float => ("double", ""),
        Kind::Flag => ("boolean", ""),
        Kind::Text => ("byte_array", "(STRING)"),
    };
    format!("optional {physical} {name} {logical};")
}

fn write_column<'a>(
    column: SerializedColumnWriter<'_>,
    kind: Kind,
    cells: impl Iterator<Item = Option<&'a Cell>>,
) -> Result<(), ParquetError> {
    match kind {
        Kind::Integer => write_typed::<Int64Type>(column, cells, |cell| match cell {
            Cell::Integer(value) => Some(*value),
            _ => None,
        }),
        Kind::Float => write_typed::<DoubleType>(column, cells, |cell| match cell {
            Cell::Float(value) => Some(*value),
            _ => None,
        }),
        Kind::Flag => write_typed::<BoolType>(column, cells, |cell| match cell {
            Cell::Flag(value) => Some(*value),
            _ => None,
        }),
        Kind::Text => write_typed::<ByteArrayType>(column, cells, |cell| match cell {
            Cell::Text(value) => Some(ByteArray::from(value.as_str())),
            _ => None,
        }),
    }
}

fn write_typed<'a, T: DataType>(
    mut column: SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = Option<&'a Cell>>,
    value: fn(&Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<T::T>> = cells.map(|cell| cell.and_then(value)).collect();
    // Where there is a value, and then the values.
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.into_iter().flatten().collect();
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

/// Reads a recording.
///
/// # Errors
/// A file that is damaged, or not a recording.
pub fn read(file: File) -> Result<Recording, ParquetFault> {
    // The library panics at some numbers that no file should have.
    catch_unwind(|| read_whole(file)).unwrap_or(Err(ParquetFault::Damaged))
}

fn read_whole(file: File) -> Result<Recording, ParquetFault> {
    let reader = SerializedFileReader::new(file)?;
    let metadata = reader.metadata().file_metadata();
    let names = metadata.schema_descr().columns().iter().map(|column| column.name());
    if !names.eq(COLUMNS.iter().map(|column| column.name)) {
        return Err(ParquetFault::Foreign("the columns are not those of a recording".to_owned()));
    }
    let entries = metadata.key_value_metadata().map_or(&[][..], Vec::as_slice);
    let title = entries.iter().find(|entry| entry.key == HEADER);
    let title = title.and_then(|entry| entry.value.as_deref()).unwrap_or_default();
    let header = csv::header(title).map_err(|error| ParquetFault::Foreign(error.what))?;
    let mut rows = Vec::new();
    for (index, row) in reader.get_row_iter(None)?.enumerate() {
        let wrong = |what: String| ParquetFault::Row { row: index + 1, what };
        let row = row?;
        let cells: Option<Vec<_>> = row.get_column_iter().map(|(_, field)| cell(field)).collect();
        let cells = cells.ok_or_else(|| wrong("a column of another type".to_owned()))?;
        rows.push(Row::from_cells(cells).map_err(|error| wrong(error.to_string()))?);
    }
    Ok(Recording { header, rows, torn: None })
}

/// `None` for what no column holds.
fn cell(field: &Field) -> Option<Option<Cell>> {
    Some(Some(match field {
        Field::Null => return Some(None),
        Field::Long(value) => Cell::Integer(*value),
        Field::Double(value) => Cell::Float(*value),
        Field::Bool(value) => Cell::Flag(*value),
        Field::Str(value) => Cell::Text(value.clone()),
        _ => return None,
    }))
}
