//! Whether the table of public futures names all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::rows::every_future;

/// Futures of traits that a store, a listener or a runtime implements: the engine awaits them,
/// and `verbs.rs` and `panics.rs` drop or break those.
const FOREIGN: [&str; 14] = [
    "listener/hook.rs::bound",
    "listener/hook.rs::unbound",
    "listener/mod.rs::notified",
    "store/mod.rs::apply",
    "store/mod.rs::census",
    "store/mod.rs::create",
    "store/mod.rs::delete",
    "store/mod.rs::load",
    "store/mod.rs::rename",
    "store/mod.rs::sweep",
    "store/principals.rs::end",
    "store/principals.rs::end_all",
    "store/principals.rs::end_everybody",
    "store/principals.rs::list",
];

/// What makes of a function one that can be dropped half done.
const FUTURES: [&str; 5] = ["async fn", "impl Future", "BoxFuture<", "Opening<", "Poll<"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_tool = ["testkit", "tests"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !is_tool {
            files_below(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

/// The public functions of `text` that can be dropped half done: those that say `pub`, and those
/// of public traits.
fn futures_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut in_trait = false;
    let text = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
    for (at, line) in text.lines().scan(0, |at, line| {
        let begin = *at;
        *at += line.len() + 1;
        Some((begin, line))
    }) {
        if line.starts_with("pub trait") {
            in_trait = true;
        } else if line == "}" {
            in_trait = false;
        }
        let code = line.trim_start();
        let is_public = code.starts_with("pub ")
            || (in_trait && (code.starts_with("async fn") || code.starts_with("fn ")));
        let Some((_, name)) = code.split_once("fn ").filter(|_| is_public) else {
            continue;
        };
        let name: String = name
            .chars()
            .take_while(|it| it.is_alphanumeric() || *it == '_')
            .collect();
        let signature = text[at..].split(['{', ';']).next().unwrap_or_default();
        // What it is given may be asked to poll something; what it answers counts.
        let (_, answer) = signature.rsplit_once("->").unwrap_or_default();
        let is_future =
            signature.contains("async fn") || FUTURES.iter().any(|future| answer.contains(future));
        if is_future {
            found.insert(name);
        }
    }
    found
}

#[test]
fn every_public_future_is_in_the_table() {
    let mut files = Vec::new();
    files_below(&source(), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let path = file.strip_prefix(source()).unwrap().display().to_string();
        let text = fs::read_to_string(&file).unwrap();
        found.extend(
            futures_in(&text)
                .into_iter()
                .map(|name| format!("{path}::{name}")),
        );
    }
    // `Runtime` is of the adapters.
    found.retain(|name| name != "runtime.rs::sleep");
    let rows = every_future().map(|row| row.name);
    let named: BTreeSet<_> = rows.chain(FOREIGN).map(str::to_owned).collect();
    assert_eq!(found, named);
}

#[test]
fn a_future_is_found_however_it_is_written() {
    let text = "
    pub async fn one(&self) {
    pub fn two(
        &self,
    ) -> Opening<u8> {
    pub(crate) async fn inner(&self) {
    pub fn plain(&self, next: impl FnMut() -> Poll<()>) -> u8 {
pub trait Three {
    async fn three(&self);
}
trait Four {
    async fn inner_too(&self);
}
";
    let found: Vec<_> = futures_in(text).into_iter().collect();
    assert_eq!(found, ["one", "three", "two"]);
}
