//! The page that has the tables, and how it is renewed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// When this is set, the tables are written into the page, and compared all the same. For one
/// process at a time, as `cargo test` is.
const RENEWED: &str = "SESSION_FAULTS";

/// Held while the page is read or written.
static PAGE: Mutex<()> = Mutex::new(());

/// The page as it stands.
fn text() -> String {
    fs::read_to_string(path()).expect("the page can be read")
}

/// Where the tables of `policy` differ from those in the page; `None` when they do not.
pub(crate) fn difference(policy: &str, tables: &str) -> Option<String> {
    let _turn = PAGE.lock();
    let page = text();
    let known = section(&page, policy);
    if env::var_os(RENEWED).is_some() {
        write(policy, tables);
    }
    let (mut expected, mut actual) = (known.trim().lines(), tables.trim().lines());
    loop {
        match (expected.next(), actual.next()) {
            (None, None) => return None,
            (expected, actual) if expected == actual => {}
            (expected, actual) => {
                let [expected, actual] = [expected, actual].map(|it| it.unwrap_or("(nothing)"));
                return Some(format!(
                    "{policy}: the page says\n{expected}\nand it is\n{actual}"
                ));
            }
        }
    }
}

fn write(policy: &str, tables: &str) {
    let page = text();
    let marker = marker(policy);
    let old = format!("{marker}{}", section(&page, policy));
    let new = page.replace(&old, &format!("{marker}\n{tables}\n"));
    fs::write(path(), new).expect("the page can be written");
}

/// What stands below the marker of `policy`, up to the next one.
fn section<'p>(page: &'p str, policy: &str) -> &'p str {
    let (_, below) = page
        .split_once(&marker(policy))
        .unwrap_or_else(|| panic!("the page has no section for {policy}"));
    below.split_once(END).map_or(below, |(section, _)| section)
}

/// Ends what is made by this suite.
const END: &str = "<!-- as tried -->";

fn marker(policy: &str) -> String {
    format!("<!-- to be tried: {policy} -->\n")
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md")
}
