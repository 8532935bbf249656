//! The model: what each session must hold, and which ids must be usable.

use std::collections::BTreeMap;
use std::time::Duration;

use session_core::testkit::Visitor;
use session_core::{SessionError, SessionView, Timestamp};

use super::{Edit, Step};
use crate::given::{Distance, Given, InFlight, MINUTE, SECOND};

const IDLE: Duration = Duration::from_secs(30 * 60);

/// For how long a straggler is kept from starting a session.
const GRACE: Duration = Duration::from_secs(30);

/// A far store may record an access this much late, and a commit may wait for its turn.
const LAG: Duration = Duration::from_secs(61);

/// What a session holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    sets: BTreeMap<&'static str, i64>,
    sum: i64,
    list: Vec<i64>,
}

impl Content {
    fn apply(&mut self, edits: &[(Edit, i64)]) {
        for &(edit, value) in edits {
            match edit {
                Edit::Set(name) => drop(self.sets.insert(name, value)),
                Edit::Add => self.sum += value,
                Edit::Append => self.list.push(value),
            }
        }
    }

    fn read(get: impl Fn(&str) -> Option<i64>, list: Option<Vec<i64>>) -> Self {
        Self {
            sets: ["a", "b"]
                .into_iter()
                .filter_map(|name| Some((name, get(name)?)))
                .collect(),
            sum: get("sum").unwrap_or_default(),
            list: list.unwrap_or_default(),
        }
    }

    fn of_view(view: &SessionView) -> Self {
        Self::read(
            |name| view.get_attribute(name).unwrap(),
            view.get_attribute("list").unwrap(),
        )
    }
}

/// A session as the model has it.
struct Expected {
    content: Content,
    ended: bool,
    accessed: Timestamp,
    rotations: usize,
}

/// A token that a client was sent.
struct Issued {
    token: String,
    who: i64,
    /// Under how many rotations it was usable.
    rotations: usize,
}

/// A request in flight.
struct Tab<'g> {
    request: InFlight<'g>,
    who: i64,
    stored: bool,
    rotations: usize,
    snapshot: Content,
    edits: Vec<(Edit, i64)>,
    rotate: bool,
    announce: bool,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    Gone,
    /// Within what a far store may record late.
    Either,
}

pub(super) struct World<'g> {
    given: &'g Given,
    lag: Duration,
    jars: [Visitor; 2],
    tabs: [Option<Tab<'g>>; 4],
    sessions: BTreeMap<i64, Expected>,
    issued: Vec<Issued>,
    /// When a session got another id, by session and number of the rotation.
    rotated_at: BTreeMap<(i64, usize), Timestamp>,
    next: i64,
}

impl<'g> World<'g> {
    pub(super) fn new(given: &'g Given, distance: Distance) -> Self {
        Self {
            given,
            lag: if distance == Distance::Near {
                Duration::ZERO
            } else {
                LAG
            },
            jars: [given.visitor(), given.visitor()],
            tabs: [None, None, None, None],
            sessions: BTreeMap::new(),
            issued: Vec::new(),
            rotated_at: BTreeMap::new(),
            next: 0,
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Open(tab) => self.open(tab),
            Step::Edit(tab, edit) => self.edit(tab, edit),
            Step::Rotate(tab) => self.rotate(tab),
            Step::End(tab) => self.end(tab),
            Step::Save(tab) => self.save(tab),
            Step::Answer(tab) => self.answer(tab),
            Step::DropHandler(tab) => self.tabs[tab] = None,
            Step::Tick(seconds) => self.given.pass(SECOND * u32::try_from(seconds).unwrap()),
            Step::Pause(minutes) => {
                self.tabs = [None, None, None, None];
                self.given.pass(MINUTE * u32::try_from(minutes).unwrap());
            }
        }
        self.check_every_token();
    }

    fn life(&self, who: i64) -> Life {
        let Some(session) = self.sessions.get(&who) else {
            return Life::Gone;
        };
        let idle = self.given.now().saturating_since(session.accessed);
        match () {
            () if session.ended || idle >= IDLE => Life::Gone,
            () if idle + self.lag < IDLE => Life::Alive,
            () => Life::Either,
        }
    }

    /// Which session a cookie must lead to, and whether it does.
    fn named_by(&self, cookie: Option<&str>) -> (Option<&Issued>, Life) {
        let issued = self
            .issued
            .iter()
            .find(|issued| Some(&*issued.token) == cookie);
        let life = match issued {
            Some(issued) if self.sessions[&issued.who].rotations == issued.rotations => {
                self.life(issued.who)
            }
            _ => Life::Gone,
        };
        (issued, life)
    }

    fn open(&mut self, tab: usize) {
        if self.tabs[tab].is_some() {
            return;
        }
        let jar = &self.jars[tab % 2];
        let cookie = jar.cookie();
        let (issued, life) = self.named_by(cookie.as_deref());
        let named = issued.map(|issued| (issued.who, issued.rotations));
        let request = self.given.request(jar);
        let who: Option<i64> = request.session.get_attribute("who").unwrap();
        let now = self.given.now();
        let mut opened = Tab {
            request,
            who: who.unwrap_or(self.next),
            stored: who.is_some(),
            rotations: 0,
            snapshot: Content::default(),
            edits: Vec::new(),
            rotate: false,
            announce: false,
            ended: false,
        };
        if let Some(who) = who {
            assert_ne!(life, Life::Gone, "a dead id is let in");
            assert_eq!(
                named.map(|named| named.0),
                Some(who),
                "somebody else's session"
            );
            let session = self.sessions.get_mut(&who).unwrap();
            session.accessed = now;
            opened.rotations = session.rotations;
            opened.snapshot = session.content.clone();
            self.tabs[tab] = Some(opened);
            self.check_snapshot(tab);
            return;
        }
        assert_ne!(life, Life::Alive, "a live session is not found");
        self.next += 1;
        let rotated = named.and_then(|(who, rotations)| self.rotated_at.get(&(who, rotations)));
        let age = rotated.map(|rotated| now.saturating_since(*rotated));
        match opened.request.session.set_attribute("who", &opened.who) {
            Ok(()) => {
                assert!(
                    age.is_none_or(|age| age + SECOND > GRACE),
                    "a straggler starts a session"
                );
                self.tabs[tab] = Some(opened);
            }
            Err(SessionError::Moved) => {
                assert!(
                    age.is_some_and(|age| age < GRACE + SECOND),
                    "barred for no reason"
                );
            }
            Err(error) => panic!("a new session is refused: {error}"),
        }
    }

    fn edit(&mut self, tab: usize, edit: Edit) {
        self.next += 1;
        let value = self.next;
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        let session = &open.request.session;
        let outcome = match edit {
            Edit::Set(name) => session.set_attribute(name, &value),
            Edit::Add => session
                .update_attribute("sum", move |sum: &mut i64| *sum += value)
                .map(drop),
            Edit::Append => session.append_attribute("list", &value),
        };
        match outcome {
            Ok(()) => {
                assert!(!open.ended);
                open.edits.push((edit, value));
            }
            Err(SessionError::Invalidated) => assert!(open.ended),
            Err(SessionError::Gone) => {
                assert_ne!(self.life(self.tabs[tab].as_ref().unwrap().who), Life::Alive);
            }
            Err(error) => panic!("{edit:?} is refused: {error}"),
        }
        self.check_snapshot(tab);
    }

    fn rotate(&mut self, tab: usize) {
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        if open.request.session.change_session_id().is_ok() {
            open.rotate = open.stored;
        }
    }

    fn end(&mut self, tab: usize) {
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        assert_eq!(open.request.session.invalidate().is_err(), open.ended);
        open.ended = true;
    }

    fn save(&mut self, tab: usize) {
        let Some(open) = &self.tabs[tab] else {
            return;
        };
        let outcome = self.given.in_a_while(open.request.session.save());
        self.judge(tab, outcome.map(drop));
        self.check_snapshot(tab);
    }

    fn answer(&mut self, tab: usize) {
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        let reads_only = open.edits.is_empty() && !open.rotate && open.stored && !open.ended;
        let outcome = self.given.in_a_while(open.request.exchange.commit());
        if reads_only && self.life(self.tabs[tab].as_ref().unwrap().who) == Life::Alive {
            let who = self.tabs[tab].as_ref().unwrap().who;
            self.sessions.get_mut(&who).unwrap().accessed = self.given.now();
        }
        let delivery = match outcome {
            Ok(delivery) => {
                self.judge_answer(tab);
                delivery
            }
            Err(error) => {
                self.judge(tab, Err(error));
                self.tabs[tab] = None;
                return;
            }
        };
        let open = self.tabs[tab].take().unwrap();
        let before = self.jars[tab % 2].set_cookies();
        self.jars[tab % 2].receive(delivery);
        let is_sent = self.jars[tab % 2].set_cookies() > before;
        let cookie = self.jars[tab % 2].cookie().filter(|_| is_sent);
        match cookie {
            Some(token) => {
                assert!(open.announce && !open.ended, "an unchanged id is sent");
                self.issued.push(Issued {
                    token,
                    who: open.who,
                    rotations: open.rotations,
                });
            }
            None if open.announce && !open.ended && self.life(open.who) == Life::Alive => {
                panic!("the client is not told its id")
            }
            None => {}
        }
    }

    /// What the model makes of the outcome of a save, or of a commit that failed.
    fn judge(&mut self, tab: usize, outcome: Result<(), SessionError>) {
        let now = self.given.now();
        let open = self.tabs[tab].as_mut().unwrap();
        let who = open.who;
        let edits = std::mem::take(&mut open.edits);
        let rotate = std::mem::take(&mut open.rotate);
        if open.ended {
            assert!(outcome.is_ok(), "{outcome:?}");
            if let Some(session) = self.sessions.get_mut(&who).filter(|_| open.stored) {
                session.ended = true;
            }
            return;
        }
        if !open.stored {
            assert!(outcome.is_ok(), "{outcome:?}");
            let mut content = Content::default();
            content.apply(&edits);
            open.snapshot = content.clone();
            (open.stored, open.announce) = (true, true);
            let session = Expected {
                content,
                ended: false,
                accessed: now,
                rotations: 0,
            };
            self.sessions.insert(who, session);
            return;
        }
        if edits.is_empty() && !rotate {
            assert!(outcome.is_ok(), "{outcome:?}");
            return;
        }
        let life = self.life(who);
        let open = self.tabs[tab].as_mut().unwrap();
        let session = self.sessions.get_mut(&who).unwrap();
        match outcome {
            Ok(()) => {
                assert_ne!(life, Life::Gone, "a dead session is changed");
                assert!(
                    !rotate || open.rotations == session.rotations,
                    "two rotations won"
                );
                session.content.apply(&edits);
                session.accessed = now;
                if rotate {
                    self.rotated_at.insert((who, session.rotations), now);
                    session.rotations += 1;
                    open.rotations = session.rotations;
                    open.announce = true;
                }
                open.snapshot = session.content.clone();
            }
            Err(SessionError::Gone) => assert_ne!(life, Life::Alive, "a live session is gone"),
            Err(SessionError::Moved) => {
                assert!(
                    rotate && open.rotations != session.rotations,
                    "no rotation was faster"
                );
            }
            Err(error) => panic!("a commit failed: {error}"),
        }
    }

    /// A commit tells no difference between stored and gone.
    fn judge_answer(&mut self, tab: usize) {
        let open = self.tabs[tab].as_ref().unwrap();
        let is_change = open.stored && !open.ended && (!open.edits.is_empty() || open.rotate);
        let outcome = match self.life(open.who) {
            Life::Gone if is_change => Err(SessionError::Gone),
            Life::Either if is_change && self.stored_content(open.who).is_none() => {
                self.sessions.get_mut(&open.who).unwrap().ended = true;
                Err(SessionError::Gone)
            }
            _ => Ok(()),
        };
        self.judge(tab, outcome);
    }

    fn stored_content(&self, who: i64) -> Option<Content> {
        let issued = self.issued.iter().rev().find(|issued| issued.who == who)?;
        let mut visitor = self.given.visitor();
        visitor.set_cookie(Some(issued.token.clone()));
        Some(Content::of_view(&self.given.peek(&visitor)?))
    }

    /// A request sees what it loaded and its own changes.
    fn check_snapshot(&self, tab: usize) {
        let Some(open) = self.tabs[tab].as_ref().filter(|open| !open.ended) else {
            return;
        };
        let session = &open.request.session;
        let seen = Content::read(
            |name| session.get_attribute(name).unwrap(),
            session.get_attribute("list").unwrap(),
        );
        let mut expected = open.snapshot.clone();
        expected.apply(&open.edits);
        assert_eq!(seen, expected);
    }

    /// Of all tokens ever sent, the newest of each live session is usable and shows every
    /// acknowledged write.
    fn check_every_token(&self) {
        let mut usable = BTreeMap::new();
        for issued in &self.issued {
            let mut visitor = self.given.visitor();
            visitor.set_cookie(Some(issued.token.clone()));
            let view = self.given.peek(&visitor);
            match (self.named_by(Some(&issued.token)).1, view) {
                (Life::Gone, Some(_)) => panic!("a dead id is usable"),
                (Life::Alive, None) => panic!("a live id is not usable"),
                (_, None) => {}
                (_, Some(view)) => {
                    let expected = &self.sessions[&issued.who].content;
                    assert_eq!(&Content::of_view(&view), expected);
                    assert_eq!(usable.insert(issued.who, &issued.token), None);
                }
            }
        }
    }
}
