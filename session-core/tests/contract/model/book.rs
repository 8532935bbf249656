//! The model: what must be so. A book of sessions that knows no ids, no stores and no commits in
//! turn. Times are minutes.

use std::collections::BTreeMap;

/// How long a session may lie idle, unless it was told otherwise.
pub(super) const IDLE: u64 = 35;

/// How long a session may last. Time passes in tens of minutes, and so comes near to no limit.
pub(super) const LIFE: u64 = 125;

/// What a handler does to attributes. Each has a value of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    Set(&'static str),
    Remove(&'static str),
    Add,
    Append,
}

/// What a session holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) sets: BTreeMap<&'static str, i64>,
    pub(super) sum: i64,
    pub(super) list: Vec<i64>,
}

impl Content {
    pub(super) fn apply(&mut self, edits: &[(Edit, i64)]) {
        for &(edit, value) in edits {
            match edit {
                Edit::Set(name) => drop(self.sets.insert(name, value)),
                Edit::Remove(name) => drop(self.sets.remove(name)),
                Edit::Add => self.sum += value,
                Edit::Append => self.list.push(value),
            }
        }
    }
}

/// A session.
pub(super) struct Entry {
    pub(super) content: Content,
    pub(super) principal: Option<&'static str>,
    pub(super) is_ended: bool,
    /// How many ids it had before the present one, and when it got each.
    pub(super) renamed: Vec<u64>,
    /// Who began under an id before this one is cut off: it was somebody else's.
    closed: usize,
    idle: Option<u64>,
    accessed: u64,
    deadline: u64,
}

/// What a request knows of its session and wants of it.
#[derive(Default)]
pub(super) struct Wish {
    /// `None` for a session that is not stored yet.
    pub(super) who: Option<usize>,
    /// Under which of its ids the request knows the session.
    pub(super) id: usize,
    pub(super) began: u64,
    /// Who is logged in, as far as the request knows.
    pub(super) principal: Option<&'static str>,
    /// How long it may lie idle, as far as the request knows.
    pub(super) limit: Option<u64>,
    pub(super) snapshot: Content,
    pub(super) edits: Vec<(Edit, i64)>,
    pub(super) idle: Option<Option<u64>>,
    pub(super) renews: bool,
    /// Who logs in, and when they said so.
    pub(super) login: Option<(&'static str, u64)>,
    pub(super) ends: bool,
    /// It was told that the session is gone.
    pub(super) is_gone: bool,
}

/// What must become of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Gone,
    Moved,
}

/// All sessions that ever were.
#[derive(Default)]
pub(super) struct Book {
    pub(super) now: u64,
    pub(super) sessions: Vec<Entry>,
}

impl Wish {
    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.idle.is_none() && !self.renews
    }

    /// Remembers a change of attributes. To remove what is not there is none.
    pub(super) fn note(&mut self, edit: Edit, value: i64) {
        if let Edit::Remove(name) = edit {
            let is_other = |(edit, _): &(Edit, i64)| !matches!(edit, Edit::Set(it) if *it == name);
            self.edits.retain(is_other);
            if !self.loaded().sets.contains_key(name) {
                return;
            }
        }
        self.edits.push((edit, value));
    }

    /// The request knows the session as it is now.
    pub(super) fn look(&mut self, session: &Entry) {
        self.snapshot = session.content.clone();
        (self.principal, self.limit) = (session.principal, session.idle);
    }

    /// What the request sees but for its own changes. Who logs in over another principal sees
    /// nothing of that one's, unless the login is refused.
    fn loaded(&self) -> Content {
        let is_another = |(name, _)| self.principal.is_some_and(|before| before != name);
        match self.login.is_some_and(is_another) {
            true => Content::default(),
            false => self.snapshot.clone(),
        }
    }

    /// What the request sees.
    pub(super) fn seen(&self) -> Content {
        let mut seen = self.loaded();
        seen.apply(&self.edits);
        seen
    }
}

impl Book {
    pub(super) fn is_live(&self, who: usize) -> bool {
        let session = &self.sessions[who];
        let is_idle = session
            .idle
            .is_some_and(|idle| self.now >= session.accessed + idle);
        !session.is_ended && !is_idle && self.now < session.deadline
    }

    /// True when `id` lets a new request in.
    pub(super) fn is_usable(&self, who: usize, id: usize) -> bool {
        self.is_live(who) && self.sessions[who].renamed.len() == id
    }

    /// True when what a request under way does reaches the session.
    fn is_reached(&self, wish: &Wish) -> bool {
        let reaches = |who| self.is_live(who) && wish.id >= self.sessions[who].closed;
        !wish.is_gone && wish.who.is_some_and(reaches)
    }

    /// True when the session that a request knows is over, for the request at least.
    pub(super) fn is_over(&self, wish: &Wish) -> bool {
        wish.who.is_some() && !self.is_reached(wish)
    }

    /// A request uses its session, or is over.
    pub(super) fn access(&mut self, wish: &Wish) {
        if self.is_reached(wish)
            && let Some(who) = wish.who
        {
            self.sessions[who].accessed = self.now;
        }
    }

    /// Ends all sessions of `principal`, and says how many.
    pub(super) fn end_all(&mut self, principal: &str) -> usize {
        let theirs = |book: &Self, who: usize| {
            book.is_live(who) && book.sessions[who].principal == Some(principal)
        };
        let ended: Vec<_> = (0..self.sessions.len())
            .filter(|&who| theirs(self, who))
            .collect();
        for who in &ended {
            self.sessions[*who].is_ended = true;
        }
        ended.len()
    }

    /// Does what was wished for, all of it or nothing. A session that got another id and ended
    /// then is found moved or gone by whoever wants to give it one as well: `told` says which.
    pub(super) fn commit(&mut self, wish: &mut Wish, told: Outcome) -> Outcome {
        let mut outcome = self.judge(wish);
        if (outcome, told) == (Outcome::Gone, Outcome::Moved) && self.is_late_to_rename(wish) {
            outcome = told;
        }
        wish.is_gone |= outcome == Outcome::Gone;
        if outcome == Outcome::Done && !wish.is_empty() && !wish.ends {
            self.write(wish);
        }
        wish.edits.clear();
        (wish.idle, wish.login, wish.renews) = (None, None, false);
        outcome
    }

    /// The same where nobody is told what became of it.
    pub(super) fn commit_untold(&mut self, wish: &mut Wish) {
        self.commit(wish, Outcome::Done);
    }

    /// Another request gave the session a new id before.
    fn is_late_to_rename(&self, wish: &Wish) -> bool {
        let has_moved = |who: usize| wish.id != self.sessions[who].renamed.len();
        wish.renews && wish.who.is_some_and(has_moved)
    }

    fn judge(&mut self, wish: &Wish) -> Outcome {
        let Some(who) = wish.who else {
            return Outcome::Done;
        };
        let is_reached = self.is_reached(wish);
        if wish.ends {
            self.sessions[who].is_ended |= is_reached;
        } else if !is_reached && !wish.is_empty() {
            return Outcome::Gone;
        } else if self.is_late_to_rename(wish) {
            return Outcome::Moved;
        }
        Outcome::Done
    }

    fn write(&mut self, wish: &mut Wish) {
        let who = *wish.who.get_or_insert_with(|| {
            // The first id of a session is no new one.
            wish.renews = false;
            self.sessions.push(Entry {
                content: Content::default(),
                principal: None,
                is_ended: false,
                renamed: Vec::new(),
                closed: 0,
                idle: Some(IDLE),
                accessed: self.now,
                deadline: wish.began + LIFE,
            });
            self.sessions.len() - 1
        });
        let session = &mut self.sessions[who];
        session.accessed = self.now;
        session.idle = wish.idle.unwrap_or(session.idle);
        if wish.renews {
            session.renamed.push(self.now);
            wish.id += 1;
        }
        if let Some((login, at)) = wish.login {
            if session.principal.is_some_and(|other| other != login) {
                session.content = Content::default();
                session.closed = session.renamed.len();
            }
            session.principal = Some(login);
            session.deadline = at + LIFE;
        }
        session.content.apply(&wish.edits);
        wish.look(session);
    }
}
