//! What the crates say of themselves to those who find them elsewhere.

use crate::files;
use crate::workspace::{Member, Role, members, root};

fn published() -> Vec<Member> {
    let mut members = members();
    members.retain(|member| matches!(member.role, Role::Core | Role::Adapter | Role::Store));
    assert!(members.len() > 5, "the members are not read");
    members
}

/// What the manifest says, or else that of the workspace.
fn value_of(member: &Member, key: &str) -> Option<String> {
    let own = files::read(&member.folder.join("Cargo.toml"));
    let workspace = files::read(&root().join("Cargo.toml"));
    let assigned = |line: &str| {
        line.strip_prefix(key)?
            .strip_prefix(" = ")
            .map(str::to_owned)
    };
    own.lines()
        .find_map(assigned)
        .or_else(|| workspace.lines().find_map(assigned))
}

#[test]
fn the_oldest_rust_of_a_crate_is_the_same_wherever_it_is_told() {
    for member in published() {
        let oldest = value_of(&member, "rust-version").expect("every crate names it");
        let oldest = oldest.trim_matches('"');
        let own = files::read(&member.folder.join("README.md"));
        assert!(
            own.contains(&format!("It needs Rust {oldest}")),
            "{}: not {oldest}",
            member.name
        );
        for page in ["README.md", "README.ja.md"] {
            let page = files::read(&root().join(page));
            let row = format!("| `{}` |", member.name);
            let row = page.lines().find(|line| line.starts_with(&row));
            assert!(
                row.is_some_and(|row| row.ends_with(&format!("| {oldest} |"))),
                "{}: {row:?}, not {oldest}",
                member.name
            );
        }
    }
}

#[test]
fn the_crates_that_scripts_publish_are_those_that_may_be_published() {
    let script = files::read(&root().join("scripts/lib/crates.sh"));
    for member in members() {
        let is_listed = script.lines().any(|line| line.trim() == member.name);
        let manifest = files::read(&member.folder.join("Cargo.toml"));
        let may_be = !manifest.contains("publish.workspace = true");
        assert_eq!(is_listed, may_be, "{}", member.name);
    }
    for member in published() {
        assert!(
            script.lines().any(|line| line.trim() == member.name),
            "{}",
            member.name
        );
    }
}

#[test]
fn a_published_crate_is_found_and_documented_with_all_its_features() {
    for member in published() {
        for key in ["description", "keywords", "categories", "license"] {
            let is_told = value_of(&member, key).is_some()
                || value_of(&member, &format!("{key}.workspace")).is_some();
            assert!(is_told, "{} has no {key}", member.name);
        }
        let manifest = files::read(&member.folder.join("Cargo.toml"));
        assert_eq!(
            files::toml_table(&manifest, "package.metadata.docs.rs"),
            ["all-features = true"],
            "{}",
            member.name
        );
    }
}
