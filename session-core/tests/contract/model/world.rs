//! The driver: does each step with the engine, and asks the book what must become of it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Waker};
use std::time::Duration;

use session_core::testkit::Visitor;
use session_core::{Exchange, Session, SessionAccessor, SessionError};

use super::book::{Book, Edit, IDLE, Outcome, Wish};
use super::{Step, check};
use crate::given::{Given, MINUTE, SECOND};

/// Long enough for a task to store something, and short for somebody who is barred for half a
/// minute.
pub(super) const MOMENT: Duration = Duration::from_millis(100);

/// A token that a client was sent, and which id of which session it is.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) who: usize,
    pub(super) id: usize,
}

/// A request.
pub(super) struct Tab {
    pub(super) exchange: Exchange,
    /// Two handles of one session.
    pub(super) handles: [Session; 2],
    pub(super) wish: Wish,
    /// The client has to be sent an id.
    pub(super) announces: bool,
    pub(super) head_is_sent: bool,
    /// How long it has been under way, in minutes.
    pub(super) age: u64,
}

/// A handle that outlives its request.
pub(super) struct Task {
    pub(super) session: Session,
    pub(super) wish: Wish,
}

/// What a socket has.
pub(super) struct Socket {
    pub(super) accessor: SessionAccessor,
    pub(super) wish: Wish,
}

pub(super) struct World<'g> {
    pub(super) given: &'g Given,
    pub(super) book: Book,
    pub(super) issued: Vec<Issued>,
    jars: [Visitor; 2],
    pub(super) tabs: [Option<Tab>; 4],
    pub(super) tasks: VecDeque<Task>,
    pub(super) sockets: Vec<Socket>,
    next: i64,
}

impl<'g> World<'g> {
    pub(super) fn new(given: &'g Given) -> Self {
        Self {
            given,
            book: Book::default(),
            issued: Vec::new(),
            jars: [given.visitor(), given.visitor()],
            tabs: [const { None }; 4],
            tasks: VecDeque::new(),
            sockets: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Open(tab) => self.open(tab),
            Step::Edit(tab, edit) => self.edit(tab, edit),
            Step::Idle(tab, idle) => self.set_idle(tab, idle),
            Step::ChangeId(tab) => self.renew(tab, None),
            Step::LogIn(tab, name) => self.renew(tab, Some(name)),
            Step::LogOut(tab) => self.log_out(tab),
            Step::Save(tab) => self.save(tab),
            Step::Answer(tab) => self.answer(tab),
            Step::Finish(tab) => self.finish(tab),
            Step::GoAway(tab) => self.go_away(tab),
            Step::Leave(tab) => self.leave(tab),
            Step::Task => self.run_task(),
            Step::Socket(tab) => self.open_socket(tab),
            Step::Access(socket) => self.access(socket),
            Step::EndAll(name) => self.end_all(name),
            Step::Sweep => self.sweep(),
            Step::Pass(minutes) => self.pass(minutes),
            Step::Away(minutes) => {
                (0..4).for_each(|tab| self.go_away(tab));
                while !self.tasks.is_empty() {
                    self.run_task();
                }
                self.pass(minutes);
            }
        }
    }

    /// A value that was not there before.
    pub(super) fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Which id of which session the cookie of a client is.
    fn named_by(&self, jar: usize) -> Option<(usize, usize)> {
        let cookie = self.jars[jar].cookie()?;
        let issued = self.issued.iter().find(|issued| issued.token == cookie)?;
        Some((issued.who, issued.id))
    }

    fn open(&mut self, tab: usize) {
        if self.tabs[tab].is_some() {
            return;
        }
        let named = self.named_by(tab % 2);
        let exchange = self.jars[tab % 2].begin();
        let handle = exchange.handle();
        let session = self.given.in_a_while(handle.session()).unwrap();
        let mut wish = Wish {
            began: self.book.now,
            limit: Some(IDLE),
            ..Wish::default()
        };
        match named.filter(|&(who, id)| self.book.is_usable(who, id)) {
            Some((who, id)) => {
                (wish.who, wish.id) = (Some(who), id);
                let session = &self.book.sessions[who];
                wish.look(session);
                self.book.access(&wish);
            }
            None => {
                // A straggler may not begin a session.
                let renamed_now = named.is_some_and(|(who, id)| {
                    self.book.sessions[who].renamed.get(id) == Some(&self.book.now)
                });
                let value = self.fresh();
                match session.set_attribute("first", &value) {
                    Ok(()) => assert!(!renamed_now, "a straggler begins a session"),
                    Err(SessionError::Moved) => {
                        assert!(renamed_now, "barred for no reason");
                        return;
                    }
                    Err(error) => panic!("a new session is refused: {error}"),
                }
                wish.edits.push((Edit::Set("first"), value));
            }
        }
        check::snapshot(&session, &wish);
        self.tabs[tab] = Some(Tab {
            exchange,
            handles: [session.clone(), session],
            wish,
            announces: false,
            head_is_sent: false,
            age: 0,
        });
    }

    fn edit(&mut self, tab: usize, edit: Edit) {
        let value = self.fresh();
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        let [one, other] = &open.handles;
        let outcome = match edit {
            Edit::Set(name) => one.set_attribute(name, &value),
            Edit::Remove(name) => other.remove_attribute(name).map(drop),
            Edit::Add => other
                .update_attribute("sum", move |sum: &mut i64| *sum += value)
                .map(drop),
            Edit::Append => one.append_attribute("list", &value),
        };
        if check::may_change(&self.book, &open.wish, open.head_is_sent, outcome) {
            open.wish.note(edit, value);
        }
        check::snapshot(other, &open.wish);
    }

    fn set_idle(&mut self, tab: usize, idle: Option<u64>) {
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        // Of what has ended this may be set, to no effect; what it is already is no change.
        if open.wish.ends || open.wish.idle.is_some() || open.wish.limit == idle {
            return;
        }
        let interval = idle.map(|minutes| MINUTE * u32::try_from(minutes).unwrap());
        let outcome = open.handles[1].set_max_inactive_interval(interval);
        if check::may_change(&self.book, &open.wish, open.head_is_sent, outcome) {
            open.wish.idle = Some(idle);
        }
    }

    fn renew(&mut self, tab: usize, login: Option<&'static str>) {
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        // What was written before a login over another principal is not the model's business.
        if open.head_is_sent || (login.is_some() && !open.wish.is_empty()) {
            return;
        }
        let session = &open.handles[0];
        let outcome = match login {
            None => session.change_session_id().map(drop),
            Some(name) => session.login(name).map(drop),
        };
        if !check::may_change(&self.book, &open.wish, open.head_is_sent, outcome) {
            return;
        }
        open.wish.renews = true;
        let Some(login) = login else { return };
        open.wish.login = Some((login, self.book.now));
        check::snapshot(session, &open.wish);
    }

    fn log_out(&mut self, tab: usize) {
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        assert_eq!(open.handles[1].logout().is_err(), open.wish.ends);
        open.wish.ends = true;
        // From now on nothing keeps alive what is not ended yet.
        if open.age > 0 {
            self.save(tab);
        }
    }

    fn save(&mut self, tab: usize) {
        let Some(open) = &mut self.tabs[tab] else {
            return;
        };
        if open.wish.is_empty() && !open.wish.ends {
            return;
        }
        let saved = self.given.in_a_while(open.handles[0].save());
        let (ends, was) = (open.wish.ends, open.wish.id_of_client());
        let told = check::told(&saved);
        let expected = self.book.commit(&mut open.wish, told);
        assert_eq!(told, expected);
        open.announces |= !ends && was != open.wish.id_of_client();
        check::snapshot(&open.handles[1], &open.wish);
    }

    fn answer(&mut self, tab: usize) {
        let Some(open) = self.tabs[tab].as_mut().filter(|open| !open.head_is_sent) else {
            return;
        };
        let committed = self.given.in_a_while(open.exchange.commit());
        let (ends, was) = (open.wish.ends, open.wish.id_of_client());
        self.book.access(&open.wish);
        let told = check::told(&committed);
        let expected = self.book.commit(&mut open.wish, told);
        open.announces |= !ends && was != open.wish.id_of_client();
        open.head_is_sent = true;
        let Ok(delivery) = committed else {
            assert_eq!(told, expected);
            self.tabs[tab] = None;
            return;
        };
        assert_ne!(expected, Outcome::Moved, "two requests gave it another id");
        let jar = &mut self.jars[tab % 2];
        let before = jar.set_cookies();
        jar.receive(delivery);
        let token = jar.cookie().filter(|_| jar.set_cookies() > before);
        let announced = open.wish.who.filter(|_| open.announces && !open.wish.ends);
        match (token, announced) {
            (Some(token), Some(who)) => self.issued.push(Issued {
                token,
                who,
                id: open.wish.id,
            }),
            (Some(_), None) => panic!("an unchanged id is sent"),
            (None, Some(who)) => assert!(!self.book.is_live(who), "the client is not told its id"),
            (None, None) => {}
        }
        check::snapshot(&open.handles[1], &open.wish);
    }

    /// The end of a body, or nothing where the head is still to come.
    fn finish(&mut self, tab: usize) {
        let Some(open) = self.tabs[tab].take_if(|open| open.head_is_sent) else {
            return;
        };
        let finished = self.given.in_a_while(open.exchange.finish());
        assert!(finished.is_ok(), "{finished:?}");
        self.end(open.wish, open.head_is_sent, open.age);
    }

    /// The client is gone: before the head nothing is stored, afterwards all that was written.
    fn go_away(&mut self, tab: usize) {
        if let Some(open) = self.tabs[tab].take() {
            drop((open.exchange, open.handles));
            self.given.pass(MOMENT);
            self.end(open.wish, open.head_is_sent, open.age);
        }
    }

    fn end(&mut self, mut wish: Wish, head_is_sent: bool, age: u64) {
        if head_is_sent {
            self.book.commit_untold(&mut wish);
        }
        // Idle time counts from the end of a long request.
        if age > 0 && !wish.ends {
            self.book.access(&wish);
        }
    }

    fn leave(&mut self, tab: usize) {
        let Some(open) = self.tabs[tab].take_if(|open| open.head_is_sent) else {
            return;
        };
        let [session, other] = open.handles;
        drop((open.exchange, other));
        self.given.pass(MOMENT);
        let mut wish = open.wish;
        self.book.commit_untold(&mut wish);
        if open.age > 0 && !wish.ends {
            self.book.access(&wish);
        }
        self.tasks.push_back(Task { session, wish });
    }

    /// Late writes are stored within a second, and requests under way are kept alive.
    fn pass(&mut self, minutes: u64) {
        self.given.pass(SECOND);
        for open in self.tabs.iter_mut().flatten() {
            open.age += minutes;
            if open.head_is_sent {
                let flushed = poll_fn(|cx| open.exchange.poll_flush(cx));
                assert!(self.given.in_a_while(flushed).is_ok());
                self.book.commit_untold(&mut open.wish);
            }
        }
        // A task does not outlive what tells it where its session went.
        while !self.tasks.is_empty() {
            self.run_task();
        }
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..minutes * 6 {
            for open in self.tabs.iter_mut().flatten() {
                let _ = open.exchange.poll_keep_alive(&mut context);
            }
            self.given.pass(10 * SECOND);
        }
        self.book.now += minutes;
        for open in self.tabs.iter().flatten() {
            if !open.wish.ends {
                self.book.access(&open.wish);
            }
        }
    }
}
