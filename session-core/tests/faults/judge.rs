//! What no fault may lead to.

use session_core::SessionEvent;
use session_core::testkit::{Fault, Verb};

use crate::outcome::Next;
use crate::requests::Wants;
use crate::scene::{SECOND, Trouble};
use crate::trial::{Case, Seen, Upset};

/// One case, as it is judged.
pub(crate) struct Judge<'a> {
    pub(crate) case: Case<'a>,
    pub(crate) upset: Upset,
    pub(crate) seen: &'a Seen,
    /// What is seen when nothing goes wrong.
    pub(crate) usual: &'a Seen,
}

/// A rule, by the words in which it is broken.
type Rule = (&'static str, fn(&Judge<'_>) -> bool);

const RULES: &[Rule] = &[
    ("a status that a client cannot act on", |it| {
        ![200, 409, 503].contains(&it.seen.page.status)
    }),
    ("a cookie for a record that is not there", |it| {
        !it.is(Fault::Forgotten) && it.seen.by_sent_token.iter().any(Option::is_none)
    }),
    ("data of another session", |it| it.shows_anothers_data()),
    ("another session was touched", |it| {
        (!it.seen.bob_is_untouched && it.usual.bob_is_untouched)
            || (!it.seen.phone_is_untouched && it.usual.phone_is_untouched)
    }),
    ("two usable ids of one session", |it| it.has_two_ids()),
    ("an acknowledged end that has not happened", |it| {
        it.case.request.wants == Wants::ToEnd
            && it.is_success()
            && !it.is_disbelieved()
            && it.old_session_lives()
    }),
    ("a session that was ended is back", |it| {
        it.case.request.wants == Wants::ToWriteTooLate && it.old_session_lives()
    }),
    ("an acknowledged write is lost and nobody is told", |it| {
        let is_write = matches!(it.case.request.wants, Wants::ToWrite | Wants::AnotherId);
        is_write && it.is_success() && !it.is_disbelieved() && !it.is_stored_or_told()
    }),
    ("an outage ended a login", |it| {
        it.is_outage() && it.had_login() && !it.may_lose_login() && !it.has_login()
    }),
    ("a cookie was taken away although its session lives", |it| {
        it.seen.page.forgot && !it.is(Fault::Forgotten) && it.old_session_lives()
    }),
    ("an outage took a cookie away", |it| {
        it.seen.page.forgot && it.case.request.wants != Wants::ToEnd
    }),
    ("a request without business with the session failed", |it| {
        it.case.request.wants == Wants::Nothing && it.seen.page.status != 200
    }),
    (
        "a read failed because its access could not be noted",
        |it| {
            let is_note = matches!(it.upset.verb, Verb::Apply | Verb::Sweep);
            let (page, usual) = (&it.seen.page, &it.usual.page);
            let is_as_usual = page.status == usual.status && page.saw == usual.saw;
            it.case.request.wants == Wants::ToRead && is_note && !is_as_usual
        },
    ),
    ("a sweep that failed was noticed by a visitor", |it| {
        it.upset.verb == Verb::Sweep
            && it.case.request.wants != Wants::ToManage
            && (it.seen.page.status != it.usual.page.status || it.seen.after != it.usual.after)
    }),
    ("an answer later than the deadline", |it| {
        it.seen.waited > it.usual.waited + it.longest_wait()
    }),
    ("a write went on after one whose outcome is unknown", |it| {
        it.outcome_is_unknown() && it.writes_after_it()
    }),
    ("a failure without a status that says so", |it| {
        it.outcome_is_unknown()
            && it.is_success()
            && matches!(
                it.case.request.wants,
                Wants::AnotherId | Wants::ToEnd | Wants::ToManage
            )
            && it.upset.verb != Verb::Sweep
            && !it.keeps_failed_responses()
    }),
    ("the visitor cannot go on afterwards", |it| {
        !it.seen.stuck.is_empty()
    }),
];

impl Judge<'_> {
    /// The rules that are broken.
    pub(crate) fn verdict(&self) -> Vec<&'static str> {
        let broken = RULES.iter().filter(|(_, is_broken)| is_broken(self));
        broken.map(|(words, _)| *words).collect()
    }

    fn is(&self, fault: Fault) -> bool {
        self.upset.trouble == Trouble::Fault(fault)
    }

    fn is_success(&self) -> bool {
        let page = &self.seen.page;
        page.status == 200 && !page.broke_off && !self.keeps_failed_responses()
    }

    fn keeps_failed_responses(&self) -> bool {
        self.case.policy.keeps_failed_responses
    }

    /// Where the store says what is not so, and nobody could know: that it did what it did not,
    /// or that there is nothing.
    fn is_disbelieved(&self) -> bool {
        let is_load = self.upset.verb == Verb::Load;
        self.is(Fault::Forgotten)
            || self.is(Fault::Absent)
            || is_load
                && [Fault::Expired, Fault::Foreign, Fault::Unreadable]
                    .iter()
                    .any(|fault| self.is(*fault))
    }

    /// The store fails or does not answer, and says nothing that is not so.
    fn is_outage(&self) -> bool {
        let is_slow = !matches!(self.upset.trouble, Trouble::Fault(_));
        let silent = [
            Fault::Unavailable,
            Fault::LoseReply,
            Fault::HoldRequest,
            Fault::HoldReply,
            Fault::NewerFormat,
            Fault::Full,
        ];
        is_slow || silent.iter().any(|fault| self.is(*fault))
    }

    fn outcome_is_unknown(&self) -> bool {
        let unknown = [
            Fault::Unavailable,
            Fault::LoseReply,
            Fault::HoldRequest,
            Fault::HoldReply,
        ];
        unknown.iter().any(|fault| self.is(*fault)) && is_write(self.upset.verb)
    }

    fn writes_after_it(&self) -> bool {
        // An access that could not be noted is no failure.
        if self.is_success() || self.case.request.wants == Wants::ToRead {
            return false;
        }
        let mut left = self.upset.n;
        let mut calls = self.seen.calls.iter();
        let is_found = calls.any(|verb| {
            left -= usize::from(*verb == self.upset.verb);
            left == 0
        });
        is_found && calls.any(|verb| is_write(*verb))
    }

    fn shows_anothers_data(&self) -> bool {
        let after = self.seen.after.iter().map(|it| it.shown.as_str());
        let mut shown = after.chain([self.seen.page.saw.as_str()]);
        // What is bob's, or made of it.
        shown.any(|it| {
            it.contains("bob") || it.contains("=9") || it.contains("=10") && it != "ada n=10"
        })
    }

    fn has_two_ids(&self) -> bool {
        let live: Vec<_> = self.seen.by_token.iter().flatten().collect();
        let ids_of = |handle| live.iter().filter(|it| it.handle == handle).count();
        // The token that an older key signed leads to the same id.
        let is_resigned = self.case.policy.keys == crate::policies::Keys::Changed;
        !is_resigned && live.iter().any(|it| ids_of(it.handle) > 1)
    }

    fn old_session_lives(&self) -> bool {
        let before = self.seen.before.as_ref().map(|it| it.handle);
        let mut live = self.seen.by_token.iter().flatten();
        before.is_some() && live.any(|it| Some(it.handle) == before)
    }

    fn is_stored_or_told(&self) -> bool {
        let is_told = |event: &SessionEvent| {
            matches!(
                event,
                SessionEvent::WritesDropped(_) | SessionEvent::LateCommitFailed
            )
        };
        let next = self.seen.next(self.usual);
        // Where data stays as it is, what is new is what is old.
        let stays = self.usual.next(self.usual) == Next::Old && next == Next::Old;
        next == Next::New || next == Next::Twice || stays || self.seen.events.iter().any(is_told)
    }

    fn had_login(&self) -> bool {
        let before = self.seen.before.as_ref();
        before.is_some_and(|it| !it.shown.starts_with("nobody"))
    }

    fn has_login(&self) -> bool {
        let after = self.seen.after.as_ref();
        after.is_some_and(|it| !it.shown.starts_with("nobody"))
    }

    /// Where ending is what was asked for; and where the id was changed, and the client was not
    /// told the new one.
    fn may_lose_login(&self) -> bool {
        let was_done = self.is(Fault::LoseReply) || self.is(Fault::HoldReply);
        let is_end = matches!(
            self.case.request.wants,
            Wants::ToEnd | Wants::ToWriteTooLate | Wants::ToManage
        );
        is_end || was_done && self.upset.verb == Verb::Rename
    }

    fn longest_wait(&self) -> std::time::Duration {
        let slack = SECOND / 5;
        match self.upset.trouble {
            Trouble::Fault(_) if self.upset.trouble.holds() => self.case.policy.deadline + slack,
            Trouble::Fault(_) => slack,
            Trouble::SlowRequest | Trouble::SlowReply => SECOND + slack,
        }
    }
}

const fn is_write(verb: Verb) -> bool {
    !matches!(verb, Verb::Load | Verb::Sweep | Verb::Census | Verb::List)
}
