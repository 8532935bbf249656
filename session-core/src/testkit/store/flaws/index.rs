//! Proof that the rules about principals bite.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_executor::block_on;

use super::flawed_index::FlawedIndex;
use super::flawed_store::FlawedStore;
use crate::store::SessionStore;
use crate::testkit::store::reference::ReferenceStore;
use crate::testkit::store::{Door, Rule, principal_rules};

/// One mistake about principals in a store that is correct otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IndexFlaw {
    CountsItself,
    CountsThenBinds,
    CountsTheExpired,
    CutsPrincipals,
    EndForgetsAttributes,
    EndIgnoresThePrincipal,
    EndMissesTheRenamed,
    EndOnlyUnlists,
    EndsAllOthersToo,
    EndsTheNewest,
    EverybodyIsWhoeverLoggedIn,
    GenerationReportedAsExpiry,
    IgnoresTheLimit,
    KeepsTheGenerationDown,
    ListsAttributes,
    ListsTheExpired,
    ListsUnderTheFirstKey,
    NotesOnlyCreated,
    RefusalApplies,
    ReplacedGoUnreported,
    ReportsTwice,
    SparesNobody,
}

/// What is wrong, and the rules that have to notice it, each by itself.
const FLAWS: &[(IndexFlaw, &[&str])] = &[
    (
        IndexFlaw::CountsItself,
        &["a_limit_counts_live_sessions_of_others_only"],
    ),
    (
        IndexFlaw::CountsThenBinds,
        &["parallel_logins_never_exceed_the_limit"],
    ),
    (
        IndexFlaw::CountsTheExpired,
        &["a_limit_counts_live_sessions_of_others_only"],
    ),
    (
        IndexFlaw::CutsPrincipals,
        &["principals_are_told_apart_by_their_keys_alone"],
    ),
    (
        IndexFlaw::EndForgetsAttributes,
        &[
            "ending_by_handle_ends_that_session_of_that_principal",
            "ending_all_but_one_spares_that_one",
        ],
    ),
    (
        IndexFlaw::EndIgnoresThePrincipal,
        &["ending_by_handle_ends_that_session_of_that_principal"],
    ),
    (
        IndexFlaw::EndMissesTheRenamed,
        &["an_ended_session_is_gone_for_every_verb"],
    ),
    (
        IndexFlaw::EndOnlyUnlists,
        &[
            "ending_by_handle_ends_that_session_of_that_principal",
            "an_ended_session_is_gone_for_every_verb",
        ],
    ),
    (
        IndexFlaw::EndsAllOthersToo,
        &["ending_all_but_one_spares_that_one"],
    ),
    (
        IndexFlaw::EndsTheNewest,
        &["a_full_principal_is_refused_or_its_oldest_logins_end"],
    ),
    (
        IndexFlaw::EverybodyIsWhoeverLoggedIn,
        &["ending_everybody_ends_every_session_there_is"],
    ),
    (
        IndexFlaw::GenerationReportedAsExpiry,
        &["what_a_store_ended_by_itself_is_reported_by_a_sweep_once"],
    ),
    (
        IndexFlaw::IgnoresTheLimit,
        &[
            "a_full_principal_is_refused_or_its_oldest_logins_end",
            "parallel_logins_never_exceed_the_limit",
        ],
    ),
    (
        IndexFlaw::KeepsTheGenerationDown,
        &["ending_everybody_ends_every_session_there_is"],
    ),
    (
        IndexFlaw::ListsAttributes,
        &["a_session_is_listed_under_its_principal_from_the_login_on"],
    ),
    (
        IndexFlaw::ListsTheExpired,
        &["a_session_that_ended_or_expired_is_not_listed"],
    ),
    (
        IndexFlaw::ListsUnderTheFirstKey,
        &["a_listed_session_keeps_its_handle_over_renames"],
    ),
    (
        IndexFlaw::NotesOnlyCreated,
        &["a_session_is_listed_under_its_principal_from_the_login_on"],
    ),
    (
        IndexFlaw::RefusalApplies,
        &["a_full_principal_is_refused_or_its_oldest_logins_end"],
    ),
    (
        IndexFlaw::ReplacedGoUnreported,
        &["what_a_store_ended_by_itself_is_reported_by_a_sweep_once"],
    ),
    (
        IndexFlaw::ReportsTwice,
        &["what_a_store_ended_by_itself_is_reported_by_a_sweep_once"],
    ),
    (
        IndexFlaw::SparesNobody,
        &["ending_all_but_one_spares_that_one"],
    ),
];

fn keeps(rule: &Rule, store: Arc<dyn SessionStore>) -> bool {
    let check = || block_on(rule.check_through(Door::Awaited, store));
    catch_unwind(AssertUnwindSafe(check)).is_ok()
}

#[test]
fn every_flaw_about_principals_is_noticed_by_each_rule_named_for_it() {
    let mut unnoticed = Vec::new();
    for (flaw, noticed_by) in FLAWS {
        for name in *noticed_by {
            let named = |rule: &&Rule| rule.name() == *name;
            let rule = principal_rules().iter().find(named).unwrap();
            if keeps(rule, Arc::new(FlawedIndex::with(*flaw))) {
                unnoticed.push((*flaw, *name));
            }
        }
    }
    assert_eq!(unnoticed, []);
}

#[test]
fn every_rule_about_principals_is_there_to_notice_some_flaw() {
    let noticing = FLAWS.iter().flat_map(|(_, rules)| *rules).copied();
    let all = principal_rules().iter().map(Rule::name);
    assert_eq!(
        noticing.collect::<BTreeSet<_>>(),
        all.collect::<BTreeSet<_>>()
    );
}

#[test]
fn a_store_without_a_flaw_keeps_every_rule_about_principals() {
    for rule in principal_rules() {
        assert!(keeps(rule, Arc::new(FlawedIndex::default())), "{rule}");
        assert!(keeps(rule, Arc::new(ReferenceStore::default())), "{rule}");
    }
}

#[test]
fn a_store_that_knows_no_principals_is_told_so() {
    for rule in principal_rules() {
        let store: Arc<dyn SessionStore> = Arc::new(FlawedStore::flawless());
        let check = || block_on(rule.check(store));
        let panic = catch_unwind(AssertUnwindSafe(check)).unwrap_err();
        let message = panic.downcast_ref::<&str>().unwrap();
        assert!(message.contains("knows no principals"), "{rule}: {message}");
    }
}
