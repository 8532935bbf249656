//! The table of conformance names tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How the table explains its names.
const PLACEHOLDERS: [&str; 5] = [
    "module::test",
    "rules::test",
    "src/file.rs::test",
    "tests/file.rs::test",
    "session_core::testkit::store",
];

/// The names between backticks that mean a test.
fn tests_named_in(table: &str) -> BTreeSet<(&str, &str)> {
    table
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| !name.contains(' ') && !PLACEHOLDERS.contains(name))
        .filter_map(|name| name.rsplit_once("::"))
        .collect()
}

fn core() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the tests of `place` are written.
fn sources_of(place: &str) -> Vec<PathBuf> {
    if place == "rules" {
        return files_in(&core().join("src/testkit/store"));
    }
    let file = match place.strip_suffix(".rs") {
        Some(_) => core().join(place),
        None => core().join(format!("tests/contract/{place}.rs")),
    };
    vec![file]
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).collect()
}

#[test]
fn every_test_that_the_table_names_exists() {
    let table = fs::read_to_string(core().join("../docs/conformance.md")).unwrap();
    let named = tests_named_in(&table);
    assert!(named.len() > 200, "the table is not read");
    let mut missing = Vec::new();
    for (place, name) in named {
        let definition = format!("fn {name}(");
        let exists = sources_of(place)
            .iter()
            .any(|source| fs::read_to_string(source).is_ok_and(|text| text.contains(&definition)));
        if !exists {
            missing.push(format!("{place}::{name}"));
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_module_of_this_suite_is_in_the_table() {
    let table = fs::read_to_string(core().join("../docs/conformance.md")).unwrap();
    let named: BTreeSet<_> = tests_named_in(&table)
        .into_iter()
        .map(|(place, _)| place)
        .collect();
    for file in files_in(&core().join("tests/contract")) {
        let module = file.file_stem().unwrap().to_str().unwrap();
        let is_tool = ["diary", "given", "lagging", "main", "onlooker", "table"].contains(&module);
        assert!(is_tool || named.contains(module), "{module}");
    }
}
