//! Proof that the rules bite: ways in which a store can be wrong, and the rules that notice.

mod flawed_index;
mod flawed_store;
mod index;
mod misreading;
mod spoiling;
mod table;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_executor::block_on;

use self::flawed_store::FlawedStore;
use self::table::{FLAWS, Flaw};
use super::reference::ReferenceStore;
use super::{Door, Rule, rules};
use crate::store::SessionStore;

fn keeps(rule: &str, store: Arc<dyn SessionStore>) -> bool {
    let rule = rules().iter().find(|known| known.name() == rule).unwrap();
    let check = || block_on(rule.check_through(Door::Awaited, store));
    catch_unwind(AssertUnwindSafe(check)).is_ok()
}

#[test]
fn every_flaw_is_noticed_by_each_rule_named_for_it() {
    let mut unnoticed = Vec::new();
    for (flaw, noticed_by) in FLAWS {
        for rule in *noticed_by {
            if keeps(rule, Arc::new(FlawedStore::with(*flaw))) {
                unnoticed.push((*flaw, *rule));
            }
        }
    }
    assert_eq!(unnoticed, []);
}

#[test]
fn every_rule_is_there_to_notice_some_flaw() {
    let noticing: BTreeSet<_> = FLAWS
        .iter()
        .flat_map(|(_, rules)| *rules)
        .copied()
        .collect();
    let all: BTreeSet<_> = rules().iter().map(Rule::name).collect();
    assert_eq!(noticing, all);
}

#[test]
fn a_store_without_a_flaw_keeps_every_rule() {
    for rule in rules() {
        assert!(
            keeps(rule.name(), Arc::new(ReferenceStore::default())),
            "{rule}"
        );
        assert!(
            keeps(rule.name(), Arc::new(FlawedStore::flawless())),
            "{rule}"
        );
    }
}
