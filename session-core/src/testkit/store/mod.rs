//! The rules of [`SessionStore`] as tests that any store can run.
//!
//! Each rule of the [contract](crate::store) is checked by a function of the same name, on
//! sessions of its own with random keys: a store may be fresh for every rule, or one remote
//! database that all of them share at once. The two exceptions are explained at
//! [`Rule::check`].
//!
//! ```
//! use std::sync::Arc;
//! use session_core::store::memory::MemoryStore;
//! use session_core::testkit::{self, block_on};
//!
//! // In a test harness with named tests (libtest-mimic, say) make each rule one of them.
//! for rule in testkit::store::rules() {
//!     println!("{rule}");
//!     block_on(rule.check(Arc::new(MemoryStore::new())));
//! }
//! ```
//!
//! A store that knows principals has more rules to keep, those of
//! [`PrincipalIndex`](crate::store::PrincipalIndex): [`principal_rules`].
//!
//! Rules are about one verb or two; a [`History`] is about all of them together, as a site uses
//! them.
//!
//! A store that encodes records says what it does with one that it cannot read:
//! [`check_unreadable`].
//!
//! A store that needs a runtime checks its rules on it: [`Rule::check`] is an ordinary future
//! that is `Send`.

mod applying;
mod applying_to_the_session;
mod counting;
mod creating_and_loading;
mod deleting_and_sweeping;
mod ending_everybody;
mod ending_sessions;
mod expiry;
mod history;
mod limits_of_principals;
mod names_and_parallel_use;
mod principals;
mod renaming;
mod same;
mod samples;
mod subject;
mod turn;
mod unreadable;

#[cfg(test)]
mod flaws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod reference;

use std::fmt;
use std::sync::Arc;

pub use self::history::History;
use self::subject::Subject;
use self::turn::Turn;
pub use self::unreadable::check_unreadable;
use crate::runtime::BoxFuture;
use crate::store::SessionStore;

/// The way by which calls reach a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The asynchronous verbs of [`SessionStore`], which every store has.
    Awaited,
    /// The synchronous verbs behind [`SessionStore::immediate`].
    Immediate,
}

/// One rule of the contract.
#[derive(Clone, Copy)]
pub struct Rule {
    name: &'static str,
    turn: Turn,
    needs_principals: bool,
    check: fn(Subject) -> BoxFuture<()>,
}

impl Rule {
    /// The name of the rule, a sentence, as the [contract](crate::store) gives it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks that `store` keeps the rule, through each door that it has.
    ///
    /// The sessions live in the present of the wall clock and in the days after it, since a
    /// store may also give its records a native time to live. The rules that sweep do so one
    /// at a time and in the next ten minutes, which ends none of the sessions of other rules;
    /// but two processes that check one database at once may take expired sessions away from
    /// each other, so give each of them a database, a table or a prefix of its own. The rules
    /// that end or count everybody wait until no other rule runs in this process, and let none begin.
    ///
    /// # Panics
    /// With a sentence about what is wrong when the store breaks the rule or fails, and when
    /// the rule is about principals and the store knows none.
    pub async fn check(&self, store: Arc<dyn SessionStore>) {
        if store.immediate().is_some() {
            self.check_through(Door::Immediate, store.clone()).await;
        }
        self.check_through(Door::Awaited, store).await;
    }

    /// Checks that `store` keeps the rule, through `door` alone.
    ///
    /// # Panics
    /// As [`check`](Self::check), and when the store has no such door.
    pub async fn check_through(&self, door: Door, store: Arc<dyn SessionStore>) {
        assert!(
            !self.needs_principals || store.principals().is_some(),
            "the store knows no principals, and the rule is about them"
        );
        let _turn = self.turn.come().await;
        (self.check)(Subject::new(store, door)).await;
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.name)
    }
}

/// The rules of every store, in the order of the [contract](crate::store).
#[must_use]
pub const fn rules() -> &'static [Rule] {
    RULES
}

/// The rules of a store that knows principals, in the order of their
/// [contract](crate::store::PrincipalIndex).
#[must_use]
pub const fn principal_rules() -> &'static [Rule] {
    PRINCIPAL_RULES
}

/// Rules whose names are the names of the functions that check them.
macro_rules! rules {
    (
        needs_principals: $needs_principals:literal;
        $($turn:ident $section:ident: $($rule:ident),+;)+
    ) => {
        &[$($(Rule {
            name: stringify!($rule),
            turn: Turn::$turn,
            needs_principals: $needs_principals,
            check: |subject| Box::pin($section::$rule(subject)),
        }),+),+]
    };
}

const RULES: &[Rule] = rules! {
    needs_principals: false;
    Shared creating_and_loading:
        a_created_record_loads_back_unchanged,
        create_never_overwrites,
        loading_an_absent_key_is_absent_and_no_error,
        a_peek_changes_nothing,
        a_counted_load_records_the_access_and_answers_the_one_before,
        access_times_only_rise,
        an_access_time_far_ahead_counts_as_now;
    Shared expiry:
        idle_for_exactly_the_limit_is_expired,
        the_absolute_deadline_holds_whatever_the_activity,
        an_expired_record_is_gone_for_every_verb,
        load_never_removes;
    Shared applying:
        an_applied_change_set_is_seen_whole_by_the_next_load,
        applying_to_a_gone_session_never_creates,
        changes_of_different_attributes_all_survive,
        the_last_writer_wins_for_its_attribute_only,
        a_broken_precondition_is_a_conflict_and_applies_nothing,
        revisions_rise_and_survive_removal,
        appends_never_conflict_and_keep_commit_order,
        appending_to_no_list_is_refused_and_applies_nothing,
        a_change_set_over_the_limits_is_refused_and_applies_nothing;
    Shared applying_to_the_session:
        an_empty_change_set_is_a_touch,
        a_new_idle_limit_takes_effect_from_the_last_access,
        a_login_sets_the_principal_and_the_absolute_deadline,
        clearing_removes_attributes_before_the_changes_apply,
        the_record_is_answered_when_it_was_asked_for;
    Shared renaming:
        a_renamed_session_answers_under_the_new_key_only,
        what_was_in_flight_under_the_old_key_is_told_the_new_one,
        renaming_to_a_taken_key_changes_nothing,
        a_rename_never_follows_a_forward,
        a_forward_lives_thirty_minutes,
        a_refused_rename_changes_nothing;
    Shared deleting_and_sweeping:
        deleting_answers_the_record_once,
        a_sweep_removes_the_expired_and_only_those,
        what_never_expires_survives_every_sweep;
    Shared names_and_parallel_use:
        names_and_values_are_bytes_and_nothing_else,
        sessions_never_touch_each_other,
        parallel_updates_are_all_kept,
        of_two_renames_one_wins,
        a_write_never_revives_a_deleted_session;
    Alone counting:
        a_census_counts_the_live_sessions;
};

const PRINCIPAL_RULES: &[Rule] = rules! {
    needs_principals: true;
    Shared principals:
        a_session_is_listed_under_its_principal_from_the_login_on,
        a_session_that_ended_or_expired_is_not_listed,
        a_listed_session_keeps_its_handle_over_renames,
        principals_are_told_apart_by_their_keys_alone;
    Shared ending_sessions:
        ending_by_handle_ends_that_session_of_that_principal,
        ending_all_but_one_spares_that_one,
        an_ended_session_is_gone_for_every_verb;
    Shared limits_of_principals:
        a_full_principal_is_refused_or_its_oldest_logins_end,
        a_limit_counts_live_sessions_of_others_only,
        parallel_logins_never_exceed_the_limit;
    Alone ending_everybody:
        ending_everybody_ends_every_session_there_is,
        what_a_store_ended_by_itself_is_reported_by_a_sweep_once;
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule that a line such as "3. `name`: explanation" of a contract names.
    fn rule_named_in(line: &str) -> Option<(usize, &str)> {
        let line = line.strip_prefix("//! ").or(line.strip_prefix("/// "))?;
        let (number, rest) = line.split_once(". `")?;
        let (name, _) = rest.split_once('`')?;
        Some((number.parse().ok()?, name))
    }

    #[test]
    fn the_contract_and_the_suite_name_the_same_rules_in_the_same_order() {
        let contract = include_str!("../../store/mod.rs").lines();
        let of_principals = include_str!("../../store/principals.rs").lines();
        let lines = contract.chain(of_principals);
        let written: Vec<_> = lines.filter_map(rule_named_in).collect();
        let checked = rules().iter().chain(principal_rules()).map(Rule::name);
        let checked: Vec<_> = (1..).zip(checked).collect();
        assert_eq!(written, checked);
    }
}
