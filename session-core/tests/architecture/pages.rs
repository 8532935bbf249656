//! The pages that name tests, and where those tests are written.

use std::fs;
use std::path::PathBuf;

use crate::files::{Source, every_file};
use crate::workspace::root;

/// The page of the security requirements, which uses the short names of the conformance table.
pub(crate) const REQUIREMENTS: &str = "security-requirements.md";

/// Every page whose tests have to exist, but for the conformance table, which the suite that it
/// describes looks after.
pub(crate) fn pages() -> impl Iterator<Item = Source> {
    every_file().into_iter().filter(|page| {
        page.path.starts_with(root().join("docs/migrating"))
            || [
                "operations.md",
                "comparison.md",
                "SECURITY.md",
                REQUIREMENTS,
            ]
            .iter()
            .any(|name| page.is_named(name))
    })
}

/// What a page names as `place::test` between backticks.
pub(crate) fn tests_named_in(page: &Source) -> Vec<(&str, &str)> {
    let short_names_too = page.is_named(REQUIREMENTS);
    let names_a_test = |(place, name): &(&str, &str)| {
        let is_file = place.contains('/') && place.ends_with(".rs");
        // That is how a page explains its names.
        *name != "test" && (is_file || short_names_too && !place.contains(['/', '.']))
    };
    let pairs = quoted(&page.text).filter_map(|quoted| quoted.split_once("::"));
    pairs.filter(names_a_test).collect()
}

/// What a page names by its path from the root of the workspace, a test in it or not.
pub(crate) fn files_named_in(page: &Source) -> impl Iterator<Item = &str> {
    let paths = quoted(&page.text).filter_map(|quoted| quoted.split("::").next());
    paths.filter(|path| {
        let folder = path.split_once('/').map(|(folder, _)| folder);
        let is_of_the_workspace =
            folder.is_some_and(|it| !it.is_empty() && root().join(it).is_dir());
        is_of_the_workspace && !path.contains(char::is_whitespace)
    })
}

/// What stands between backticks.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether `place` has a test of this name.
pub(crate) fn exists(place: &str, name: &str) -> bool {
    // Where a test is made at run time, its name is a text.
    let written = [format!("fn {name}("), format!("\"{name}\"")];
    sources_of(place).iter().any(|file| {
        let source = fs::read_to_string(file).unwrap_or_default();
        written.iter().any(|it| source.contains(it))
    })
}

fn sources_of(place: &str) -> Vec<PathBuf> {
    let core = root().join("session-core");
    match place {
        "rules" => {
            let rules = core.join("src/testkit/store");
            let entries = fs::read_dir(&rules).expect("the store suite is a folder");
            entries.flatten().map(|entry| entry.path()).collect()
        }
        _ if place.starts_with("src/") => vec![core.join(place)],
        _ if place.contains('/') => vec![root().join(place)],
        module => vec![core.join(format!("tests/contract/{module}.rs"))],
    }
}
