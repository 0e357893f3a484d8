//! Tables as Parquet files, read back by the library's own reader.

use std::fs::File;
use std::path::PathBuf;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use testbed::table::{self, Column, TableError, Values};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn every_kind_of_value_and_its_absence_come_back() {
    let columns = [
        Column { name: "offset_s", values: Values::Float(vec![Some(-1.5e-9), None]) },
        Column { name: "step", values: Values::Integer(vec![None, Some(i64::MIN)]) },
        Column { name: "seed", values: Values::Unsigned(vec![Some(u64::MAX), Some(0)]) },
        Column { name: "passed", values: Values::Truth(vec![Some(true), None]) },
        Column { name: "source", values: Values::Text(vec![Some("µ".into()), None]) },
    ];
    let path = file("kinds.parquet");
    table::write(&columns, &[("title", "a test")], File::create(&path).unwrap()).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();

    let rows: Vec<Vec<(String, Field)>> =
        reader.get_row_iter(None).unwrap().map(|row| row.unwrap().into_columns()).collect();
    let named = |name: &str, field: Field| (name.to_owned(), field);
    let first = [
        named("offset_s", Field::Double(-1.5e-9)),
        named("step", Field::Null),
        named("seed", Field::ULong(u64::MAX)),
        named("passed", Field::Bool(true)),
        named("source", Field::Str("µ".into())),
    ];
    let second = [
        named("offset_s", Field::Null),
        named("step", Field::Long(i64::MIN)),
        named("seed", Field::ULong(0)),
        named("passed", Field::Null),
        named("source", Field::Null),
    ];
    assert_eq!(rows, [first.to_vec(), second.to_vec()]);

    let about = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let title = about.iter().find(|pair| pair.key == "title").unwrap();
    assert_eq!(title.value.as_deref(), Some("a test"));
}

#[test]
fn a_long_table_is_split_into_groups_of_rows() {
    let rows = (1 << 16) + 5;
    let values = Values::Unsigned((0..rows).map(Some).collect());
    let path = file("long.parquet");
    table::write(&[Column { name: "row", values }], &[], File::create(&path).unwrap()).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|g| g.num_rows()).collect();
    assert_eq!(groups, [1 << 16, 5]);
    let last = reader.get_row_group(1).unwrap();
    let last = last.get_row_iter(None).unwrap().last().unwrap().unwrap();
    assert_eq!(last.into_columns(), [("row".to_owned(), Field::ULong(rows - 1))]);
}

#[test]
fn columns_of_different_lengths_are_refused_by_name() {
    let column = |name, rows| Column { name, values: Values::Float(vec![None; rows]) };
    let error = table::write(&[column("a", 2), column("b", 3)], &[], Vec::new()).unwrap_err();
    assert!(matches!(error, TableError::Ragged { name: "b", found: 3, expected: 2 }), "{error}");
}
