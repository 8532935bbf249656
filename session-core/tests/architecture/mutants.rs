//! What `scripts/mutants` leaves out. A pattern that fits nothing leaves out nothing and says
//! nothing; one that fits another place than it was written for hides what no test would find.

use crate::files::{Source, library_sources, read};
use crate::pages::quoted;
use crate::workspace::root;

/// A mutant that is left out.
struct Exclude<'a> {
    /// The end of the file's path.
    file: String,
    /// Where in its line the mutated code begins, counted from 1.
    column: Option<usize>,
    /// What begins there.
    code: String,
    /// The name of the function, without its type.
    function: &'a str,
}

impl<'a> Exclude<'a> {
    /// What a pattern is for, if it is written as `file:line:column: change` with any line.
    fn of(pattern: &'a str) -> Option<Self> {
        let (file, rest) = pattern.split_once(r":\d+:")?;
        let (column, change) = rest.split_once(": ")?;
        let (code, path) = match change.rsplit_once(" in ") {
            Some((change, path)) => (replaced_by(change), path),
            None => ("", replaced_by(change)),
        };
        Some(Self {
            file: file.replace('\\', ""),
            column: column.parse().ok(),
            code: code.replace('\\', ""),
            function: path.rsplit("::").next()?,
        })
    }

    fn is_in(&self, source: &Source) -> bool {
        let is_there = |line: &str| {
            let begins = |column| line.get(column - 1..)?.strip_prefix(&*self.code);
            self.column.is_none_or(|column| begins(column).is_some())
        };
        source.path.ends_with(&self.file)
            && bodies(&source.text, self.function).any(|body| body.lines().any(is_there))
    }
}

/// What a change takes away.
fn replaced_by(change: &str) -> &str {
    let what = ["replace match guard ", "replace ", "delete "]
        .iter()
        .find_map(|verb| change.strip_prefix(verb));
    let what = what.unwrap_or(change);
    let end = what.find(" -> ").or_else(|| what.find(" with "));
    &what[..end.unwrap_or(what.len())]
}

/// The functions of this name, from their names to the brace that closes them.
fn bodies<'a>(text: &'a str, function: &str) -> impl Iterator<Item = &'a str> {
    let starts = ['(', '<'].map(|next| format!("fn {function}{next}"));
    let mut at = 0;
    let lines = text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        starts.iter().any(|it| line.contains(it)).then_some(start)
    });
    lines.map(|start| {
        let rest = &text[start..];
        let indent = rest.len() - rest.trim_start().len();
        let end = rest.find(&format!("\n{}}}", &rest[..indent]));
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn patterns(config: &str) -> Vec<&str> {
    let list = config.split_once("exclude_re = [").map_or("", |it| it.1);
    let literals = list.split("'''").skip(1).step_by(2);
    literals.collect()
}

#[test]
fn every_mutant_that_is_left_out_is_still_there_and_has_its_reason_in_the_page() {
    let config = read(&root().join(".cargo/mutants.toml"));
    let page = read(&root().join("docs/mutants.md"));
    let sources = library_sources();
    let patterns = patterns(&config);
    assert!(patterns.len() > 20, "the patterns are not read");
    let mut wrong = Vec::new();
    for pattern in patterns {
        let Some(exclude) = Exclude::of(pattern) else {
            wrong.push(format!("names no place: {pattern}"));
            continue;
        };
        if !sources.iter().any(|source| exclude.is_in(source)) {
            wrong.push(format!("fits nothing: {pattern}"));
        }
        if !quoted(&page).any(|name| name.rsplit("::").next() == Some(exclude.function)) {
            wrong.push(format!("no reason is given for {}", exclude.function));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_pattern_fits_the_code_that_it_was_written_for_alone() {
    let source = Source {
        path: root().join("shop/src/till.rs"),
        text: "impl Till {\n    fn pay(&self) {\n        a + b;\n    }\n}\n\nfn rest() {\n    c * d;\n}\n"
            .into(),
    };
    let is_there = |pattern: &str| Exclude::of(pattern).is_some_and(|it| it.is_in(&source));
    for fits in [
        r"till\.rs:\d+:11: replace \+ with - in Till::pay",
        r"src/till\.rs:\d+:\d+: replace Till::pay with \(\)",
        r"till\.rs:\d+:7: replace \* with [+/] in rest",
        r"till\.rs:\d+:\d+: replace <impl Shop for Till>::pay -> u8 with 0",
    ] {
        assert!(is_there(fits), "{fits}");
    }
    for does_not in [
        r"replace \+ with - in Till::pay",
        r"shelf\.rs:\d+:11: replace \+ with - in Till::pay",
        r"till\.rs:\d+:12: replace \+ with - in Till::pay",
        r"till\.rs:\d+:11: replace \* with - in Till::pay",
        r"till\.rs:\d+:7: replace \* with / in Till::pay",
        r"till\.rs:\d+:\d+: replace Till::paid with \(\)",
    ] {
        assert!(!is_there(does_not), "{does_not}");
    }
}
