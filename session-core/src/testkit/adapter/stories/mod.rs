//! The stories, each with its golden transcript in the folder beside this one.

mod cookies;
mod endings;
mod faults;
mod logins;
mod outages;
mod parallel;
mod responses;
mod streams;
mod token_header;
mod visits;

use super::Scenario;
use super::stage::Configure;
use crate::testkit::store::Door;

/// Scenarios whose names are the names of the functions that play them, and of the files that
/// say how they look. A configuration stands in parentheses, and behind it the one door of the
/// store where not both are of use.
macro_rules! scenarios {
    ($($section:ident: $($story:ident $(($configure:path))? $(by $door:ident)?),+;)+) => {
        &[$($(Scenario {
            name: stringify!($story),
            configure: configured!($($configure)?),
            doors: doors!($($door)?),
            play: $section::$story,
            golden: include_str!(concat!("../golden/", stringify!($story), ".txt")),
        }),+),+]
    };
}

macro_rules! configured {
    () => {{
        const AS_IT_IS: Configure = |builder| builder;
        AS_IT_IS
    }};
    ($configure:path) => {
        $configure
    };
}

macro_rules! doors {
    () => {
        &[Door::Immediate, Door::Awaited]
    };
    ($door:ident) => {
        &[Door::$door]
    };
}

pub(super) const SCENARIOS: &[Scenario] = scenarios! {
    visits:
        a_session_begins_with_its_first_write,
        what_is_written_is_read_by_the_next_request,
        a_look_is_no_access_and_leaves_no_trace,
        visitors_who_share_a_connection_share_nothing_else,
        where_sessions_are_switched_off_there_is_none(visits::not_for_reading_a_file);
    logins:
        a_login_changes_the_id_and_keeps_the_rest,
        a_rotation_leaves_exactly_one_id,
        an_old_id_cannot_start_a_session_for_a_while;
    endings:
        a_logout_is_final,
        a_fresh_session_may_follow_in_the_same_request,
        an_idle_session_expires,
        no_activity_outlives_the_absolute_limit(endings::an_hour_at_most);
    cookies:
        a_forged_cookie_is_no_session,
        the_good_one_of_several_cookies_is_found,
        two_live_sessions_in_one_request_are_nobodys;
    parallel:
        parallel_updates_are_all_kept,
        a_slow_request_follows_its_session_to_another_id,
        a_slow_request_revives_nothing;
    streams:
        what_a_body_writes_is_stored_before_its_end_is_seen,
        what_is_written_before_the_last_announced_byte_is_stored,
        a_client_that_hangs_up_loses_nothing_that_was_written,
        a_body_that_breaks_off_keeps_what_was_written,
        no_session_begins_in_a_body;
    outages:
        an_outage_ends_no_session,
        a_response_whose_session_is_not_stored_is_replaced,
        a_client_is_told_of_what_was_saved_before_the_outage,
        a_body_whose_session_is_not_stored_breaks_off;
    faults:
        every_fault_under_a_first_visit,
        every_fault_under_a_read,
        every_fault_under_a_look,
        every_fault_under_a_write,
        every_fault_under_a_save,
        every_fault_under_a_change_of_the_id,
        every_fault_under_a_login,
        every_fault_under_a_logout,
        every_fault_under_a_fresh_start,
        every_fault_under_a_write_in_a_body,
        a_store_without_an_answer_is_given_up_at_the_deadline(faults::half_a_second) by Awaited;
    responses:
        an_error_of_the_application_keeps_what_was_written,
        headers_of_the_application_stay,
        a_redirect_brings_the_cookie,
        an_answer_without_a_body_brings_the_cookie,
        a_session_that_grows_too_large_is_refused(responses::one_kibibyte_at_most);
    token_header:
        a_header_carries_the_token(token_header::in_a_header);
};
