//! Proof that the rules bite: ways in which a store can be wrong, and the rules that notice.

mod flawed_index;
mod flawed_store;
mod index;
mod misreading;
mod spoiling;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_executor::block_on;

use self::flawed_store::FlawedStore;
use super::reference::ReferenceStore;
use super::{Door, Rule, rules};
use crate::store::SessionStore;

/// One mistake in a store that is correct otherwise. Most of them were found in real stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    AbsentIsAnError,
    AccessGoesBackwards,
    AccessMovesAbsoluteDeadline,
    AppendConflicts,
    AppendOverwrites,
    AppendPrepends,
    AppendTurnsTextIntoList,
    ApplyForgetsInterval,
    ApplyIgnoresForwards,
    ApplyKeepsBrokenHalf,
    ApplyRenumbersAttributes,
    ApplyTellsNoMove,
    ApplyUpserts,
    ApplyWritesWholeRecord,
    CensusCountsExpired,
    CensusCountsForwards,
    CensusIgnoresAges,
    ClearsAfterChanges,
    ClearsNothing,
    ConflictOnAnyChange,
    CountedLoadAnswersItself,
    CountedLoadIgnoresTheSpared,
    LoadCountsNothing,
    CreateOverwrites,
    CreateOverwritesForwards,
    CutsKeys,
    CutsTimesToSeconds,
    DeleteAnswersTwice,
    DeleteIgnoresForwards,
    DeleteRemovesForwards,
    ExpiredIsAlive,
    ExpiredIsRevivedByAWrite,
    FoldsCase,
    ForgetsHandleOnRename,
    ForgetsRevision,
    ForwardEndsEarly,
    ForwardNeverEnds,
    IdleLimitCountsFromCreation,
    IdleLimitIsInclusive,
    IgnoresLimits,
    IgnoresPreconditions,
    LimitsForbidShrinking,
    LoadFollowsForwards,
    LoadRemovesExpired,
    LoginKeepsDeadline,
    NewIdleLimitWaitsForAccess,
    PeekCounts,
    ReadsThenWrites,
    RefusedRenameMoves,
    RefusalCountsAsAccess,
    RenameDropsChanges,
    RenameFollowsForwards,
    RenameKeepsOldKey,
    RenameOverwrites,
    RenameReadsThenWrites,
    RenameRenumbers,
    ReplyIsMissing,
    ReplyIsOld,
    RevivesDeleted,
    SweepEatsImmortals,
    SweepEatsLive,
    SweepIgnoresLimit,
    SweepReportsForwards,
    SweepReportsTwice,
    SweepStopsEarly,
    TellsOfSomebodyElse,
    TouchRaisesRevision,
    TrimsNames,
    TrustsAnyAccessTime,
    WritesHalves,
}

/// What is wrong, and the rules that have to notice it, each by itself.
const FLAWS: &[(Flaw, &[&str])] = &[
    (
        Flaw::AbsentIsAnError,
        &["loading_an_absent_key_is_absent_and_no_error"],
    ),
    (Flaw::AccessGoesBackwards, &["access_times_only_rise"]),
    (
        Flaw::AccessMovesAbsoluteDeadline,
        &["the_absolute_deadline_holds_whatever_the_activity"],
    ),
    (
        Flaw::AppendConflicts,
        &["appends_never_conflict_and_keep_commit_order"],
    ),
    (
        Flaw::AppendOverwrites,
        &["appends_never_conflict_and_keep_commit_order"],
    ),
    (
        Flaw::AppendPrepends,
        &["appends_never_conflict_and_keep_commit_order"],
    ),
    (
        Flaw::AppendTurnsTextIntoList,
        &["appending_to_no_list_is_refused_and_applies_nothing"],
    ),
    (
        Flaw::ApplyForgetsInterval,
        &[
            "an_applied_change_set_is_seen_whole_by_the_next_load",
            "a_new_idle_limit_takes_effect_from_the_last_access",
        ],
    ),
    (
        Flaw::ApplyIgnoresForwards,
        &["what_was_in_flight_under_the_old_key_is_told_the_new_one"],
    ),
    (
        Flaw::ApplyKeepsBrokenHalf,
        &[
            "a_broken_precondition_is_a_conflict_and_applies_nothing",
            "appending_to_no_list_is_refused_and_applies_nothing",
        ],
    ),
    (
        Flaw::ApplyRenumbersAttributes,
        &["revisions_rise_and_survive_removal"],
    ),
    (
        Flaw::ApplyTellsNoMove,
        &["what_was_in_flight_under_the_old_key_is_told_the_new_one"],
    ),
    (
        Flaw::ApplyUpserts,
        &[
            "applying_to_a_gone_session_never_creates",
            "a_write_never_revives_a_deleted_session",
        ],
    ),
    (
        Flaw::ApplyWritesWholeRecord,
        &[
            "changes_of_different_attributes_all_survive",
            "the_last_writer_wins_for_its_attribute_only",
        ],
    ),
    (
        Flaw::CensusCountsExpired,
        &["a_census_counts_the_live_sessions"],
    ),
    (
        Flaw::CensusCountsForwards,
        &["a_census_counts_the_live_sessions"],
    ),
    (
        Flaw::CensusIgnoresAges,
        &["a_census_counts_the_live_sessions"],
    ),
    (
        Flaw::ClearsAfterChanges,
        &["clearing_removes_attributes_before_the_changes_apply"],
    ),
    (
        Flaw::ClearsNothing,
        &["clearing_removes_attributes_before_the_changes_apply"],
    ),
    (
        Flaw::ConflictOnAnyChange,
        &["changes_of_different_attributes_all_survive"],
    ),
    (
        Flaw::CountedLoadAnswersItself,
        &["a_counted_load_records_the_access_and_answers_the_one_before"],
    ),
    (
        Flaw::CountedLoadIgnoresTheSpared,
        &["a_counted_load_records_the_access_and_answers_the_one_before"],
    ),
    (
        Flaw::LoadCountsNothing,
        &["a_counted_load_records_the_access_and_answers_the_one_before"],
    ),
    (Flaw::CreateOverwrites, &["create_never_overwrites"]),
    (Flaw::CreateOverwritesForwards, &["create_never_overwrites"]),
    (Flaw::CutsKeys, &["sessions_never_touch_each_other"]),
    (
        Flaw::CutsTimesToSeconds,
        &["a_created_record_loads_back_unchanged"],
    ),
    (
        Flaw::DeleteAnswersTwice,
        &["deleting_answers_the_record_once"],
    ),
    (
        Flaw::DeleteIgnoresForwards,
        &["what_was_in_flight_under_the_old_key_is_told_the_new_one"],
    ),
    (
        Flaw::DeleteRemovesForwards,
        &["what_was_in_flight_under_the_old_key_is_told_the_new_one"],
    ),
    (
        Flaw::ExpiredIsAlive,
        &[
            "idle_for_exactly_the_limit_is_expired",
            "the_absolute_deadline_holds_whatever_the_activity",
            "an_expired_record_is_gone_for_every_verb",
        ],
    ),
    (
        Flaw::ExpiredIsRevivedByAWrite,
        &["an_expired_record_is_gone_for_every_verb"],
    ),
    (
        Flaw::FoldsCase,
        &["names_and_values_are_bytes_and_nothing_else"],
    ),
    (
        Flaw::ForgetsHandleOnRename,
        &["a_renamed_session_answers_under_the_new_key_only"],
    ),
    (
        Flaw::ForgetsRevision,
        &["a_created_record_loads_back_unchanged"],
    ),
    (Flaw::ForwardEndsEarly, &["a_forward_lives_thirty_minutes"]),
    (Flaw::ForwardNeverEnds, &["a_forward_lives_thirty_minutes"]),
    (
        Flaw::IdleLimitCountsFromCreation,
        &[
            "an_empty_change_set_is_a_touch",
            "a_counted_load_records_the_access_and_answers_the_one_before",
        ],
    ),
    (
        Flaw::IdleLimitIsInclusive,
        &["idle_for_exactly_the_limit_is_expired"],
    ),
    (
        Flaw::IgnoresLimits,
        &[
            "a_change_set_over_the_limits_is_refused_and_applies_nothing",
            "a_refused_rename_changes_nothing",
        ],
    ),
    (
        Flaw::IgnoresPreconditions,
        &[
            "a_broken_precondition_is_a_conflict_and_applies_nothing",
            "parallel_updates_are_all_kept",
        ],
    ),
    (
        Flaw::LimitsForbidShrinking,
        &["a_change_set_over_the_limits_is_refused_and_applies_nothing"],
    ),
    (
        Flaw::LoadFollowsForwards,
        &[
            "a_renamed_session_answers_under_the_new_key_only",
            "what_was_in_flight_under_the_old_key_is_told_the_new_one",
        ],
    ),
    (Flaw::LoadRemovesExpired, &["load_never_removes"]),
    (
        Flaw::LoginKeepsDeadline,
        &["a_login_sets_the_principal_and_the_absolute_deadline"],
    ),
    (
        Flaw::NewIdleLimitWaitsForAccess,
        &["a_new_idle_limit_takes_effect_from_the_last_access"],
    ),
    (Flaw::PeekCounts, &["a_peek_changes_nothing"]),
    (
        Flaw::ReadsThenWrites,
        &[
            "parallel_updates_are_all_kept",
            "appends_never_conflict_and_keep_commit_order",
            "a_write_never_revives_a_deleted_session",
        ],
    ),
    (
        Flaw::RefusedRenameMoves,
        &["a_refused_rename_changes_nothing"],
    ),
    (
        Flaw::RefusalCountsAsAccess,
        &[
            "a_broken_precondition_is_a_conflict_and_applies_nothing",
            "a_change_set_over_the_limits_is_refused_and_applies_nothing",
        ],
    ),
    (
        Flaw::RenameDropsChanges,
        &["a_renamed_session_answers_under_the_new_key_only"],
    ),
    (
        Flaw::RenameFollowsForwards,
        &["a_rename_never_follows_a_forward"],
    ),
    (
        Flaw::RenameKeepsOldKey,
        &["a_renamed_session_answers_under_the_new_key_only"],
    ),
    (
        Flaw::RenameOverwrites,
        &["renaming_to_a_taken_key_changes_nothing"],
    ),
    (Flaw::RenameReadsThenWrites, &["of_two_renames_one_wins"]),
    (
        Flaw::RenameRenumbers,
        &["a_renamed_session_answers_under_the_new_key_only"],
    ),
    (
        Flaw::ReplyIsMissing,
        &["the_record_is_answered_when_it_was_asked_for"],
    ),
    (
        Flaw::ReplyIsOld,
        &["the_record_is_answered_when_it_was_asked_for"],
    ),
    (
        Flaw::RevivesDeleted,
        &[
            "applying_to_a_gone_session_never_creates",
            "a_write_never_revives_a_deleted_session",
        ],
    ),
    (
        Flaw::SweepEatsImmortals,
        &["what_never_expires_survives_every_sweep"],
    ),
    (
        Flaw::SweepEatsLive,
        &["a_sweep_removes_the_expired_and_only_those"],
    ),
    (
        Flaw::SweepIgnoresLimit,
        &["a_sweep_removes_the_expired_and_only_those"],
    ),
    (
        Flaw::SweepReportsForwards,
        &["a_sweep_removes_the_expired_and_only_those"],
    ),
    (
        Flaw::SweepReportsTwice,
        &["a_sweep_removes_the_expired_and_only_those"],
    ),
    (
        Flaw::SweepStopsEarly,
        &["a_sweep_removes_the_expired_and_only_those"],
    ),
    (
        Flaw::TellsOfSomebodyElse,
        &["what_was_in_flight_under_the_old_key_is_told_the_new_one"],
    ),
    (
        Flaw::TouchRaisesRevision,
        &["an_empty_change_set_is_a_touch"],
    ),
    (
        Flaw::TrimsNames,
        &["names_and_values_are_bytes_and_nothing_else"],
    ),
    (
        Flaw::TrustsAnyAccessTime,
        &["an_access_time_far_ahead_counts_as_now"],
    ),
    (
        Flaw::WritesHalves,
        &["an_applied_change_set_is_seen_whole_by_the_next_load"],
    ),
];

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
