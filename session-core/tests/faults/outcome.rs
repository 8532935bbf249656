//! What is seen of a fault, in the few words of the table.

use session_core::testkit::Fault;
use session_core::{DropReason, Rejection, SessionEvent};

use crate::scene::{Found, Trouble};
use crate::trial::Seen;

/// What the next request finds, compared with what there was before and with what there is when
/// nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// No session.
    Nothing,
    /// What there was before.
    Old,
    /// What the request asked for.
    New,
    /// A session that was begun by this request although there was one.
    Fresh,
    /// What was saved before something went wrong.
    Half,
    /// What the request asked for, twice.
    Twice,
}

impl Seen {
    /// `usual` is what is seen when nothing goes wrong.
    pub(crate) fn next(&self, usual: &Self) -> Next {
        let Some(after) = &self.after else {
            return match self.before {
                // Nothing is what there was.
                None => Next::Old,
                Some(_) => Next::Nothing,
            };
        };
        let shows = |it: &Option<Found>| it.as_ref().is_some_and(|it| it.shown == after.shown);
        let is_same = self.is_same_session();
        let is_old = is_same && (shows(&self.before) || shows(&self.meanwhile));
        let is_new = is_same == usual.is_same_session() && shows(&usual.after);
        match (is_old, is_new) {
            // Where data stays as it is, the token tells.
            (true, true) if self.has_another_token => Next::New,
            (true, _) => Next::Old,
            (false, true) => Next::New,
            (false, false) if !is_same && self.before.is_some() => Next::Fresh,
            (false, false) if self.was_done_twice() => Next::Twice,
            (false, false) => Next::Half,
        }
    }

    fn is_same_session(&self) -> bool {
        let handle = |it: &Option<Found>| it.as_ref().map(|it| it.handle);
        self.before.is_some() && handle(&self.before) == handle(&self.after)
    }

    fn was_done_twice(&self) -> bool {
        let trouble = self.upset.map(|upset| upset.trouble);
        trouble == Some(Trouble::Fault(Fault::Twice))
    }

    /// One cell of the table.
    pub(crate) fn told(&self, usual: &Self) -> String {
        let page = &self.page;
        let mut words = vec![page.status.to_string()];
        if page.broke_off {
            words.push("breaks off".into());
        }
        if page.status == 200 && page.saw != usual.page.saw {
            words.push(self.saw(usual));
        }
        let next = match self.next(usual) {
            Next::Nothing => "→ none",
            Next::Old => "→ old",
            Next::New => "→ new",
            Next::Fresh => "→ fresh",
            Next::Half => "→ half",
            Next::Twice => "→ twice",
        };
        words.push(next.into());
        let (has_cookie, usually) = (!page.tokens.is_empty(), !usual.page.tokens.is_empty());
        if has_cookie && (!usually || page.status != 200) {
            words.push("with cookie".into());
        }
        if !has_cookie && usually && page.status == 200 {
            words.push("without cookie".into());
        }
        if page.forgot && (!usual.page.forgot || page.status != 200) {
            words.push("cookie deleted".into());
        }
        if !page.forgot && usual.page.forgot && page.status == 200 {
            words.push("cookie stays".into());
        }
        if !self.phone_is_untouched && (usual.phone_is_untouched || page.status != 200) {
            words.push("other device ended".into());
        }
        let mut events: Vec<_> = self
            .events
            .iter()
            .filter_map(|it| noteworthy(*it))
            .collect();
        let usual_events = usual.events.iter().filter_map(|it| noteworthy(*it));
        for usual in usual_events {
            if let Some(at) = events.iter().position(|event| *event == usual) {
                events.remove(at);
            }
        }
        words.extend(events.into_iter().map(|event| format!("*{event}*")));
        words.join(" ")
    }

    /// What a page shows that is not what it usually shows.
    fn saw(&self, usual: &Self) -> String {
        let saw = &self.page.saw;
        if saw.starts_with("nobody") && !usual.page.saw.starts_with("nobody") || saw == "nobody" {
            "as nobody".into()
        } else if saw.contains("n=") {
            "stale".into()
        } else {
            format!("“{saw}”")
        }
    }
}

/// What an operator is told of in the table; that a session was created or ended is not said
/// again.
fn noteworthy(event: SessionEvent) -> Option<&'static str> {
    Some(match event {
        SessionEvent::Rejected(Rejection::Foreign) => "foreign",
        SessionEvent::Rejected(Rejection::Unreadable) => "unreadable",
        SessionEvent::Rejected(Rejection::Unknown) => "unknown",
        SessionEvent::Rejected(Rejection::Moved) => "moved",
        SessionEvent::Rejected(_) => "rejected",
        SessionEvent::WritesDropped(DropReason::Gone) => "dropped",
        SessionEvent::WritesDropped(_) => "lost",
        SessionEvent::LateCommitFailed => "late",
        _ => return None,
    })
}
