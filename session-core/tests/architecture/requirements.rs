//! Every requirement has its row on the page, and every row a test or a reason.

use std::collections::BTreeMap;
use std::fs;

use crate::files;
use crate::pages::{REQUIREMENTS, quoted};
use crate::workspace::root;

/// The requirements: how many each section has.
const SECTIONS: [(&str, usize); 10] = [
    ("ID", 8),
    ("SG", 13),
    ("CK", 14),
    ("IN", 6),
    ("LC", 16),
    ("CC", 9),
    ("ST", 11),
    ("LK", 3),
    ("RL", 3),
    ("XS", 4),
];

/// The failures of others.
const FAILURES: usize = 47;

/// Where a reason stands for a test.
const REASON: &str = "](../SECURITY.md#what-does-not-apply)";

#[test]
fn every_requirement_and_every_failure_has_a_row_with_a_test_or_a_reason() {
    let page = files::read(&root().join("docs").join(REQUIREMENTS));
    let rows = rows_of(&page);
    let requirements = SECTIONS
        .iter()
        .flat_map(|(section, count)| (1..=*count).map(move |it| format!("{section}-{it}")));
    let expected: Vec<_> = requirements
        .chain((1..=FAILURES).map(|it| it.to_string()))
        .collect();
    for id in &expected {
        let [row] = rows.get(&**id).map_or(&[][..], Vec::as_slice) else {
            panic!("{id} has no row, or several");
        };
        let has_test = quoted(row).any(|quoted| quoted.contains("::")) || row.contains("attack");
        assert!(has_test || row.contains(REASON), "{id} has no test");
    }
    assert_eq!(
        rows.len(),
        expected.len(),
        "there are rows of no requirement"
    );
}

#[test]
fn every_attack_that_the_page_names_exists_and_every_attack_is_named() {
    let page = files::read(&root().join("docs").join(REQUIREMENTS));
    let families = root().join("examples/failures/src/attacks");
    let mut attacks: Vec<String> = Vec::new();
    for entry in fs::read_dir(&families).expect("the attacks are a folder") {
        let family = files::read(&entry.expect("the folder can be read").path());
        let names = family.lines().filter_map(|line| {
            let name = line.trim().strip_prefix("name: \"")?;
            name.strip_suffix("\",")
        });
        attacks.extend(names.map(str::to_owned));
    }
    assert!(attacks.len() > 40, "the attacks are not read");
    let mut named: Vec<String> = Vec::new();
    for row in rows_of(&page).into_values().flatten() {
        let (_, after) = row.split_once("attack").unwrap_or_default();
        let words = quoted(after).filter(|word| !word.contains([':', '/', '.']));
        named.extend(words.map(str::to_owned));
    }
    for attack in &named {
        assert!(attacks.contains(attack), "there is no attack {attack}");
    }
    for attack in &attacks {
        assert!(named.contains(attack), "no row names the attack {attack}");
    }
}

/// The rows of all tables by their first cell, without the heads.
fn rows_of(page: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut rows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in page.lines() {
        let Some((first, rest)) = line.strip_prefix("| ").and_then(|row| row.split_once(" |"))
        else {
            continue;
        };
        if first.contains(|it: char| it.is_ascii_digit()) {
            rows.entry(first).or_default().push(rest);
        }
    }
    rows
}
