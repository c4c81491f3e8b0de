//! The committed files are what the generator makes of the locked source.

use std::fs;

use shared::pricing::price_book::models;

#[test]
fn the_committed_files_equal_a_fresh_generation() {
    for file in prices::files().unwrap() {
        assert!(file.text.len() > 1_000, "`{}` is all but empty", file.path);
        let committed = fs::read_to_string(prices::root().join(file.path)).unwrap();
        assert!(
            committed == file.text,
            "`{}` is out of date: run `make prices` and review the diff",
            file.path
        );
    }
}

#[test]
fn the_digest_is_of_the_committed_rows() {
    let path = prices::root().join("shared/src/pricing/price_book/table.rs");
    let table = fs::read_to_string(path).unwrap();
    assert_eq!(prices::table::content_digest(&table), models::DIGEST);

    let dearer = table.replacen(
        "input: Some(1_250_000_000_000)",
        "input: Some(1_250_000_000_001)",
        1,
    );
    assert_ne!(prices::table::content_digest(&dearer), models::DIGEST);
}

#[test]
fn the_table_has_no_float() {
    let path = prices::root().join("shared/src/pricing/price_book/table.rs");
    let table = fs::read_to_string(path).unwrap();
    assert!(!table.contains("f64") && !table.contains("f32"));
}
