//! What became of one session, in the order in which the store accepted it. Pure.
//!
//! Answers of a store may arrive in another order than the one in which it did things: threads
//! are interrupted, networks delay. So what is told of a session waits for those of its writes
//! that were under way by then, and is sorted by the revisions of the session.

use std::collections::{HashMap, VecDeque};

use crate::session::{Record, Revision, SessionHandle, StoreKey};

/// What one answer of a store says became of one session.
pub(crate) struct Story<N> {
    pub(super) handle: SessionHandle,
    pub(super) span: Span,
    pub(super) notices: Vec<N>,
}

#[cfg(all(test, feature = "testkit"))]
impl<N> Story<N> {
    pub(crate) fn notices(&self) -> &[N] {
        &self.notices
    }

    /// Leaves the first notices only.
    pub(crate) fn cut_to(&mut self, length: usize) {
        self.notices.truncate(length);
    }
}

/// Which part of a session's life a story is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Beginning,
    Between(Point, Point),
    End,
}

/// A moment in the life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    key: StoreKey,
    revision: Revision,
}

impl Point {
    pub(super) const fn of(record: &Record) -> Self {
        Self {
            key: record.key,
            revision: record.revision,
        }
    }
}

impl Span {
    /// A change of the id alone leaves the revision, and so comes after the change that made it.
    fn rank(self) -> (u8, Revision, Revision) {
        match self {
            Self::Beginning => (0, Revision::default(), Revision::default()),
            Self::Between(from, to) => (1, to.revision, from.revision),
            Self::End => (2, Revision::default(), Revision::default()),
        }
    }

    /// True for the later one of two changes of the id that are next to each other.
    fn follows(self, other: Self) -> bool {
        match (other, self) {
            (Self::Between(_, to), Self::Between(from, _)) => from == to,
            _ => false,
        }
    }
}

/// The number of a write, in the order in which they began.
pub(super) type Number = u64;

/// The writes that are under way, and what waits for them.
pub(super) struct Order<N> {
    next: Number,
    sessions: HashMap<SessionHandle, Session<N>>,
}

struct Session<N> {
    /// The writes under way, the one that began first in front.
    writes: Vec<Number>,
    /// Stories, each with the number of the first write that it need not wait for.
    waiting: Vec<(Story<N>, Number)>,
}

impl<N> Default for Order<N> {
    fn default() -> Self {
        Self {
            next: 0,
            sessions: HashMap::new(),
        }
    }
}

impl<N> Default for Session<N> {
    fn default() -> Self {
        Self {
            writes: Vec::new(),
            waiting: Vec::new(),
        }
    }
}

impl<N> Order<N> {
    /// A write of the session with this handle begins.
    pub(super) fn begin(&mut self, handle: SessionHandle) -> Number {
        let number = self.next;
        self.next += 1;
        let session = self.sessions.entry(handle).or_default();
        session.writes.push(number);
        number
    }

    /// A write has ended; what it did, if it did anything, was added before.
    pub(super) fn end(&mut self, handle: SessionHandle, number: Number, to_tell: &mut VecDeque<N>) {
        if let Some(session) = self.sessions.get_mut(&handle) {
            session.writes.retain(|write| *write != number);
            session.release(to_tell);
            if session.writes.is_empty() {
                self.sessions.remove(&handle);
            }
        }
    }

    /// Adds a story to what is to be told, once nothing that came before it can be missing.
    pub(super) fn add(&mut self, story: Story<N>, to_tell: &mut VecDeque<N>) {
        match self.sessions.get_mut(&story.handle) {
            Some(session) => session.waiting.push((story, self.next)),
            None => to_tell.extend(story.notices),
        }
    }
}

impl<N> Session<N> {
    /// Hands out what waits for no write any more, with everything that came before it.
    fn release(&mut self, to_tell: &mut VecDeque<N>) {
        let oldest = self.writes.first().copied().unwrap_or(Number::MAX);
        self.sort();
        let is_ready = |(_, number): &(Story<N>, Number)| *number <= oldest;
        let ready = self.waiting.iter().rposition(is_ready);
        let ready = ready.map_or(0, |last| last + 1);
        for (story, _) in self.waiting.drain(..ready) {
            to_tell.extend(story.notices);
        }
    }

    fn sort(&mut self) {
        self.waiting.sort_by_key(|(story, _)| story.span.rank());
        // Changes of the id alone that are next to each other are a chain of keys.
        for next in 0..self.waiting.len() {
            let span = |index: usize| self.waiting[index].0.span;
            let same = |index: &usize| span(*index).rank() == span(next).rank();
            let mut candidates = (next..self.waiting.len()).take_while(same);
            let first = candidates.find(|&candidate| {
                let mut others = (next..self.waiting.len()).take_while(same);
                !others.any(|other| span(candidate).follows(span(other)))
            });
            if let Some(first) = first {
                self.waiting.swap(next, first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: SessionHandle = SessionHandle::from_bytes([1; 16]);
    const EVE: SessionHandle = SessionHandle::from_bytes([2; 16]);

    /// An order, and what it has handed out.
    #[derive(Default)]
    struct Desk(Order<&'static str>, VecDeque<&'static str>);

    impl Desk {
        fn begin(&mut self, handle: SessionHandle) -> Number {
            self.0.begin(handle)
        }

        fn add(&mut self, handle: SessionHandle, span: Span, notice: &'static str) {
            let notices = vec![notice];
            let story = Story {
                handle,
                span,
                notices,
            };
            self.0.add(story, &mut self.1);
        }

        fn end(&mut self, handle: SessionHandle, number: Number) {
            self.0.end(handle, number, &mut self.1);
        }

        fn told(&mut self) -> Vec<&'static str> {
            self.1.drain(..).collect()
        }
    }

    fn point(key: u8, revision: u64) -> Point {
        Point {
            key: StoreKey::from_bytes([key; 32]),
            revision: Revision::new(revision),
        }
    }

    /// A change of attributes that made `revision`.
    fn write(revision: u64) -> Span {
        Span::Between(point(0, revision - 1), point(0, revision))
    }

    #[test]
    fn what_nothing_is_under_way_for_is_told_at_once() {
        let mut desk = Desk::default();
        desk.add(ADA, Span::End, "end");
        assert_eq!(desk.told(), ["end"]);
    }

    #[test]
    fn a_story_waits_for_the_writes_that_began_before_it_and_for_no_later_ones() {
        let mut desk = Desk::default();
        let (first, second) = (desk.begin(ADA), desk.begin(ADA));
        desk.add(ADA, write(5), "five");
        desk.end(ADA, second);
        assert_eq!(desk.told(), [""; 0]);
        let third = desk.begin(ADA);
        desk.add(ADA, write(4), "four");
        desk.end(ADA, first);
        assert_eq!(desk.told(), ["four", "five"]);
        desk.add(ADA, write(6), "six");
        desk.end(ADA, third);
        assert_eq!(desk.told(), ["six"]);
        assert!(desk.0.sessions.is_empty(), "nothing is kept");
    }

    #[test]
    fn a_session_that_is_always_written_to_is_told_of_all_the_same() {
        let mut desk = Desk::default();
        let mut before = desk.begin(ADA);
        for (revision, name) in (1..).zip(["one", "two", "three", "four"]) {
            let next = desk.begin(ADA);
            desk.add(ADA, write(revision), name);
            desk.end(ADA, before);
            // The next one was under way already when this one had its answer.
            assert_eq!(desk.told().len(), usize::from(revision > 1));
            before = next;
        }
    }

    #[test]
    fn a_session_waits_for_no_other_one() {
        let mut desk = Desk::default();
        desk.begin(ADA);
        desk.add(EVE, write(1), "eve");
        assert_eq!(desk.told(), ["eve"]);
    }

    #[test]
    fn a_beginning_comes_first_and_an_end_last() {
        let mut desk = Desk::default();
        let create = desk.begin(ADA);
        desk.add(ADA, Span::End, "end");
        desk.add(ADA, write(2), "two");
        desk.add(ADA, Span::Beginning, "beginning");
        desk.end(ADA, create);
        assert_eq!(desk.told(), ["beginning", "two", "end"]);
    }

    #[test]
    fn changes_of_the_id_come_between_the_writes_that_they_came_between() {
        let rename = |from, to| Span::Between(point(from, 3), point(to, 3));
        let mut desk = Desk::default();
        let slow = desk.begin(ADA);
        desk.add(ADA, Span::Between(point(4, 3), point(4, 4)), "write 4");
        desk.add(ADA, rename(3, 4), "third id");
        desk.add(ADA, rename(1, 2), "first id");
        desk.add(ADA, rename(2, 3), "second id");
        desk.add(ADA, Span::Between(point(1, 2), point(1, 3)), "write 3");
        desk.end(ADA, slow);
        let told = ["write 3", "first id", "second id", "third id", "write 4"];
        assert_eq!(desk.told(), told);
    }

    #[test]
    fn a_write_that_fails_holds_nothing_up_for_ever() {
        let mut desk = Desk::default();
        let slow = desk.begin(ADA);
        desk.add(ADA, Span::End, "end");
        assert_eq!(desk.told(), [""; 0]);
        desk.end(ADA, slow);
        assert_eq!(desk.told(), ["end"]);
    }
}
