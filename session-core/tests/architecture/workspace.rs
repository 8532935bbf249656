//! The members of the workspace and what they depend on, as `cargo tree` prints it: it resolves
//! features and needs no parser of manifests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a member is for, told by the name of its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Core,
    Adapter,
    Store,
    Example,
    Bench,
    /// The servers that tests of stores run against.
    Testbed,
}

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) role: Role,
    /// The crates of this workspace it names as dependencies of any kind.
    pub(crate) builds_on: Vec<String>,
}

/// One crate the workspace is built on, or one of its own.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) licence: String,
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("session-core is a folder of the workspace")
}

/// Every member, with the members it names directly.
pub(crate) fn members() -> Vec<Member> {
    let tree = cargo_tree(&[
        "--workspace",
        "--edges=normal,build,dev",
        "--depth=1",
        "--no-dedupe",
        "--prefix=depth",
        "--format=|{p}",
    ]);
    let mut members: Vec<Member> = Vec::new();
    for line in tree.lines() {
        let Some((depth, package)) = line.split_once('|') else {
            continue;
        };
        let name = first_word(package);
        match (depth, folder_in(package)) {
            ("0", Some(folder)) => {
                members.push(Member {
                    name,
                    role: role_of(&folder),
                    folder,
                    builds_on: Vec::new(),
                });
            }
            ("1", Some(_)) => members
                .last_mut()
                .expect("a root comes first")
                .builds_on
                .push(name),
            _ => {}
        }
    }
    members
}

/// The names of all crates that end up in a program which uses `package` with all its features.
pub(crate) fn dependencies_of(package: &str) -> BTreeSet<String> {
    cargo_tree(&[
        "--package",
        package,
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ])
    .lines()
    .map(first_word)
    .collect()
}

/// Every crate that is compiled to build or test the workspace on this platform. The bench is
/// left out: it exists to be compared with, and is never published.
pub(crate) fn all_dependencies() -> BTreeSet<Dependency> {
    cargo_tree(&[
        "--workspace",
        "--exclude=bench",
        "--edges=normal,build,dev",
        "--prefix=none",
        "--format={p}|{l}",
    ])
    .lines()
    .filter_map(|line| line.split_once('|'))
    .map(|(package, licence)| Dependency {
        name: first_word(package),
        licence: licence.trim_end_matches(" (*)").to_owned(),
    })
    .collect()
}

fn role_of(folder: &Path) -> Role {
    let place = folder
        .strip_prefix(root())
        .expect("a member lives in the workspace");
    let place = place
        .to_str()
        .expect("the folders of the workspace have plain names");
    match place {
        "session-core" => Role::Core,
        "bench" => Role::Bench,
        "testbed" => Role::Testbed,
        _ if place.starts_with("adapter-") => Role::Adapter,
        _ if place.starts_with("store-") => Role::Store,
        _ if place.starts_with("examples/") => Role::Example,
        _ => panic!("no rule says what {place} may build on"),
    }
}

/// The folder behind a package of this workspace: `name v1.2.3 (/folder)`, with `(*)` after it at
/// times. Packages of a registry have none.
fn folder_in(package: &str) -> Option<PathBuf> {
    let (_, rest) = package.split_once(" (/")?;
    let (folder, _) = rest.split_once(')')?;
    Some(Path::new("/").join(folder))
}

fn first_word(text: &str) -> String {
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn cargo_tree(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--frozen", "--all-features"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
