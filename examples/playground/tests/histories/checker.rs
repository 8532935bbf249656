//! Decides whether a history can be explained: whether each operation can have happened at one
//! moment between its call and its answer, so that all answers fit (linearizability; the search
//! of Wing and Gong, with the memory of Lowe).
//!
//! An operation whose answer was lost may be put anywhere after its call, or left out.

use std::collections::HashSet;
use std::fmt;

use crate::history::{Call, History, Nanos, Operation, Outcome, Value};
use crate::model::State;

/// The most operations of a history: they are numbered by the bits of [`Done`].
pub(crate) const OPERATIONS_MAX: usize = 128;

/// How many states are looked at before a history is called too hard. Those of the workload take
/// some hundreds.
const STATES_MAX: usize = 2_000_000;

/// Which operations have happened.
type Done = u128;

/// A history that can be explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explained {
    /// How many states were looked at.
    pub(crate) states: usize,
}

/// A history that cannot.
#[derive(Debug)]
pub(crate) struct Unexplained {
    /// Why not.
    pub(crate) reason: Reason,
    operations: Vec<Operation>,
    /// The numbers of as many operations as could be explained.
    longest: Vec<usize>,
}

/// Why a history is not explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No order of its operations fits.
    NoOrder,
    /// The search was given up.
    TooHard,
    /// There are more than [`OPERATIONS_MAX`].
    TooLong,
}

/// Looks for an order of the operations of `history` that explains it.
///
/// # Errors
/// When there is none.
pub(crate) fn check(history: &History) -> Result<Explained, Unexplained> {
    let mut urgent: Vec<_> = history.operations.iter().enumerate().collect();
    urgent.sort_by_key(|(_, operation)| operation.deadline().unwrap_or(Nanos::MAX));
    let mut search = Search {
        urgent,
        unread: unread(&history.operations),
        seen: HashSet::new(),
        order: Vec::new(),
        longest: Vec::new(),
    };
    let reason = if history.operations.len() > OPERATIONS_MAX {
        Reason::TooLong
    } else if search.goes_on(0, &State::new(history.attributes.clone())) {
        let states = search.seen.len();
        return Ok(Explained { states });
    } else if search.seen.len() >= STATES_MAX {
        Reason::TooHard
    } else {
        Reason::NoOrder
    };
    Err(Unexplained {
        reason,
        longest: search.longest,
        operations: history.operations.clone(),
    })
}

struct Search<'h> {
    /// The operations with their numbers: first what must happen, the most urgent before all
    /// others.
    urgent: Vec<(usize, &'h Operation)>,
    /// By their numbers, those without an answer whose value nobody ever read.
    unread: Vec<bool>,
    /// Where the search has been, in vain.
    seen: HashSet<(Done, State)>,
    order: Vec<usize>,
    longest: Vec<usize>,
}

impl<'h> Search<'h> {
    /// True when what has not happened yet can follow on `state`.
    fn goes_on(&mut self, done: Done, state: &State) -> bool {
        if self.order.len() > self.longest.len() {
            self.longest.clone_from(&self.order);
        }
        let open = self.open(done);
        let Some(frontier) = frontier(&open) else {
            return true;
        };
        if self.seen.len() >= STATES_MAX || !self.seen.insert((done, state.clone())) {
            return false;
        }
        for &(number, operation) in &open {
            if operation.invoked > frontier || is_second(&open, number, operation) {
                continue;
            }
            let Some(next) = state.after(operation, number, frontier) else {
                continue;
            };
            let is_optional = operation.deadline().is_none();
            if is_optional && (next == *state || self.unread[number] && next.is_like(state)) {
                continue;
            }
            self.order.push(number);
            if self.goes_on(done | bit(number), &next) {
                return true;
            }
            self.order.pop();
        }
        false
    }

    /// What has not happened yet.
    fn open(&self, done: Done) -> Vec<(usize, &'h Operation)> {
        let operations = self.urgent.iter().copied();
        operations
            .filter(|(number, _)| done & bit(*number) == 0)
            .collect()
    }
}

/// True for an operation without an answer when the same one is open from earlier on. That one
/// can stand wherever this one can.
fn is_second(open: &[(usize, &Operation)], number: usize, this: &Operation) -> bool {
    let is_earlier = |&(other, operation): &(usize, &Operation)| {
        other < number
            && operation.deadline().is_none()
            && operation.token == this.token
            && operation.call == this.call
    };
    this.deadline().is_none() && open.iter().any(is_earlier)
}

/// Tells of each operation whether it left a text or a list item that nobody ever read, and lost
/// its answer. Where the attribute was of that type before, the operation changed nothing that
/// matters: whoever could have told had to read it.
fn unread(operations: &[Operation]) -> Vec<bool> {
    let mut read: HashSet<&Value> = HashSet::new();
    let mut items: HashSet<i64> = HashSet::new();
    for operation in operations {
        for value in operation.outcome.values() {
            read.insert(value);
            if let Value::List(list) = value {
                items.extend(list);
            }
        }
    }
    let is_unread = |call: &Call| match call {
        Call::Put(_, Value::List(list)) => !list.iter().any(|item| items.contains(item)),
        Call::Put(_, text @ Value::Text(_)) => !read.contains(text),
        Call::Append(_, item) => !items.contains(item),
        _ => false,
    };
    let operations = operations.iter();
    operations
        .map(|it| it.outcome == Outcome::Unknown && is_unread(&it.call))
        .collect()
}

/// Until when the next operation must have happened; `None` when none must happen any more.
fn frontier(open: &[(usize, &Operation)]) -> Option<Nanos> {
    open.first().and_then(|(_, operation)| operation.deadline())
}

const fn bit(number: usize) -> Done {
    1 << number
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::NoOrder => writeln!(f, "no order of these operations explains the answers")?,
            Reason::TooHard => writeln!(f, "gave up after {STATES_MAX} states")?,
            Reason::TooLong => writeln!(f, "more than {OPERATIONS_MAX} operations")?,
        }
        writeln!(
            f,
            "in order of their calls, with their places in the longest order that fits:"
        )?;
        for (number, operation) in self.operations.iter().enumerate() {
            match self.longest.iter().position(|it| *it == number) {
                Some(place) => writeln!(f, "{place:>4} {operation}")?,
                None => writeln!(f, "   - {operation}")?,
            }
        }
        Ok(())
    }
}
