//! The files of the workspace as text.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::{Role, members, root};

/// One text file.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.path.file_name().is_some_and(|own| own == name)
    }

    /// Its lines, counted from 1.
    pub(crate) fn numbered_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The same without what is compiled for unit tests alone: each item, module or field that has
    /// such an attribute, up to the line that ends it, which is indented as the attribute is.
    pub(crate) fn library_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut of_tests = None;
        self.numbered_lines().filter(move |(_, line)| {
            let indent = line.len() - line.trim_start().len();
            if line.trim() == "#[cfg(test)]" && of_tests.is_none() {
                of_tests = Some(indent);
                return false;
            }
            let is_of_tests = of_tests.is_some();
            if of_tests == Some(indent) && line.ends_with([';', ',', '}']) {
                of_tests = None;
            }
            !is_of_tests
        })
    }

    /// Lines of library code that can panic and do not say why they cannot: in the message
    /// of an `expect`, or in a comment on them or right above.
    pub(crate) fn unexplained_panics(&self) -> Vec<String> {
        let mut above_is_comment = false;
        let mut found = Vec::new();
        for (number, line) in self.library_lines() {
            let code = line.split("//").next().unwrap_or_default();
            let commented = above_is_comment || code.len() < line.len();
            if !commented && panics_unexplained(code) {
                found.push(format!("{}:{number}: {}", self.path.display(), line.trim()));
            }
            above_is_comment = line.trim_start().starts_with("//");
        }
        found
    }

    /// The targets of Markdown links that name a file, without the fragment.
    pub(crate) fn relative_links(&self) -> Vec<&str> {
        self.text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ', '#']).next())
            .filter(|target| {
                !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")
            })
            .collect()
    }
}

/// Every text file of the workspace that is not made by a tool.
pub(crate) fn every_file() -> Vec<Source> {
    let mut files = Vec::new();
    collect(root(), &mut files);
    files
}

/// What others build on: the core without its test kit, the adapters, the stores.
pub(crate) fn library_sources() -> Vec<Source> {
    let mut files = Vec::new();
    for member in members() {
        if matches!(member.role, Role::Core | Role::Adapter | Role::Store) {
            collect(&member.folder.join("src"), &mut files);
        }
    }
    let is_test =
        |name: &std::ffi::OsStr| name == "testkit" || name == "tests" || name == "tests.rs";
    files.retain(|file| !file.path.iter().any(is_test));
    files
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of a TOML table that say something.
pub(crate) fn toml_table<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines()
        .skip_while(|line| {
            line.strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                != Some(name)
        })
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// Where people and machines keep their files, and where this workspace lies. A workspace right
/// under the root of the file system is too common a word to look for.
pub(crate) fn machine_paths() -> Vec<String> {
    let mut paths: Vec<_> = ["root", "home", "Users", "tmp"]
        .map(|top| format!("/{top}/"))
        .into();
    if root().components().count() > 2 {
        paths.push(root().display().to_string());
    }
    paths
}

/// Whether `line` contains `path` as the beginning of an absolute path.
pub(crate) fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|it| !it.is_alphanumeric() && !"_-.~$}{*/".contains(it))
    })
}

fn panics_unexplained(code: &str) -> bool {
    const PANICS: [&str; 6] = [
        ".unwrap()",
        ".unwrap_err()",
        "panic!(",
        "unreachable!(",
        "todo!(",
        "unimplemented!(",
    ];
    // A message too long for the line stands on the next one.
    let expects_tersely = code.split_once(".expect(").is_some_and(|(_, message)| {
        message.starts_with('"') && message.split_whitespace().count() < 3
    });
    expects_tersely || PANICS.iter().any(|panic| code.contains(panic))
}

fn collect(folder: &Path, files: &mut Vec<Source>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        let made_by_a_tool = ["target", "node_modules", ".git"]
            .iter()
            .any(|name| path.ends_with(name));
        if path.is_dir() && !made_by_a_tool {
            collect(&path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.push(Source { path, text });
        }
    }
}

#[test]
fn what_stands_behind_items_of_tests_is_library_code_again() {
    let text = "use a;
#[cfg(test)]
mod tests;
struct S {
    #[cfg(test)]
    seen: u8,
    kept: u8,
}
impl S {
    #[cfg(test)]
    #[must_use]
    fn seen(
        &self,
    ) -> u8 {
        self.seen
    }
    fn kept() {}
}
#[cfg(test)]
mod more {
    fn unread() {}
}
fn last() {}";
    let source = Source {
        path: PathBuf::from("src/lib.rs"),
        text: text.to_owned(),
    };
    let read: Vec<_> = source.library_lines().collect();
    let expected = [
        (1, "use a;"),
        (4, "struct S {"),
        (7, "    kept: u8,"),
        (8, "}"),
        (9, "impl S {"),
        (17, "    fn kept() {}"),
        (18, "}"),
        (23, "fn last() {}"),
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_path_counts_only_where_it_begins() {
    for named in ["/place/x", "see /place/x", "'/place/x'", "(/place/x)"] {
        assert!(names_path(named, "/place/"), "{named}");
    }
    for other in [
        "a/place/x",
        "/at/place/x",
        "~/place/x",
        "$D/place/x",
        "http://a/place/x",
    ] {
        assert!(!names_path(other, "/place/"), "{other}");
    }
}
