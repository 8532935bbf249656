//! The public types of the libraries, read off their sources: what is `pub` there can be reached,
//! for a lint warns of what cannot.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The libraries.
const CRATES: [&str; 7] = [
    "session-core",
    "adapter-tower",
    "adapter-axum",
    "adapter-actix",
    "adapter-warp",
    "store-redis",
    "store-sql",
];

/// The paths of all public types, as the compiler names them.
pub(crate) fn public() -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut types = BTreeSet::new();
    for name in CRATES {
        let sources = workspace.join(name).join("src");
        let mut files = Vec::new();
        collect(&sources, &mut files);
        for file in files {
            let inside = file.strip_prefix(&sources).unwrap();
            let module = module_of(name, inside);
            let text = fs::read_to_string(&file).unwrap();
            types.extend(text.lines().filter_map(|line| {
                let name = type_in(line)?;
                Some(format!("{module}::{name}"))
            }));
        }
    }
    types
}

/// The name of the type that a line declares; a macro may stand around it.
fn type_in(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("pub ")?;
    let kinds = ["struct ", "enum ", "union "];
    let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

fn module_of(name: &str, file: &Path) -> String {
    let file = file.with_extension("");
    let mut module = name.replace('-', "_");
    for part in &file {
        let part = part.to_str().unwrap();
        if !matches!(part, "mod" | "lib") {
            module += "::";
            module += part;
        }
    }
    module
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_type_is_named_as_the_compiler_names_it() {
    let public = public();
    for name in [
        std::any::type_name::<session_core::SessionId>(),
        std::any::type_name::<session_core::MemoryStore>(),
        std::any::type_name::<store_sql::SqlError>(),
    ] {
        assert!(public.contains(name), "{name}");
    }
}
