//! Decides whether a history can be explained: whether each operation can have happened at one
//! moment between its call and its answer, so that all answers fit (linearizability; the search
//! of Wing and Gong, with the memory of Lowe).
//!
//! An operation whose answer was lost may be put anywhere after its call, or left out.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use crate::history::{Call, History, Nanos, Operation, Outcome, Value};
use crate::model::State;

/// The most operations of a history: they are numbered by the bits of [`Done`].
pub(crate) const OPERATIONS_MAX: usize = 128;

/// How many steps are tried before a history is called too hard. Those of the workload take some
/// hundreds, and hardly ever some ten thousands.
const STEPS_MAX: usize = 5_000_000;

/// Which operations have happened.
type Done = u128;

/// A history that can be explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explained {
    /// How many steps were tried.
    pub(crate) steps: usize,
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
    let operations = history.operations.iter().enumerate();
    let (mut urgent, optional): (Vec<_>, Vec<_>) =
        operations.partition(|(_, operation)| operation.deadline().is_some());
    urgent.sort_by_key(|(_, operation)| operation.deadline());
    let mut search = Search {
        operations: &history.operations,
        urgent,
        optional,
        unread: unread(&history.operations),
        seen: HashSet::new(),
        steps: 0,
        order: Vec::new(),
        longest: Vec::new(),
    };
    let reason = if history.operations.len() > OPERATIONS_MAX {
        Reason::TooLong
    } else if search.goes_on(0, &State::new(history.attributes.clone())) {
        let steps = search.steps;
        return Ok(Explained { steps });
    } else if search.steps >= STEPS_MAX {
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
    operations: &'h [Operation],
    /// Those that must happen with their numbers, the most urgent before all others.
    urgent: Vec<(usize, &'h Operation)>,
    /// Those without an answer with their numbers, in the order of their calls.
    optional: Vec<(usize, &'h Operation)>,
    /// By their numbers, those without an answer whose value nobody ever read.
    unread: Vec<bool>,
    /// Where the search has been, in vain.
    seen: HashSet<(Done, State)>,
    steps: usize,
    order: Vec<usize>,
    longest: Vec<usize>,
}

/// A state on the way to an operation that must happen, by those that may.
struct Way<'s> {
    done: Done,
    state: &'s State,
    /// The last one that was put on the way, and the state before it.
    last: Option<(usize, &'s State)>,
}

impl Search<'_> {
    /// True when all that has not happened yet can follow on `state`.
    fn goes_on(&mut self, done: Done, state: &State) -> bool {
        if self.order.len() > self.longest.len() {
            self.longest.clone_from(&self.order);
        }
        let open = self.urgent.iter().copied();
        let open: Vec<_> = open
            .filter(|(number, _)| done & bit(*number) == 0)
            .collect();
        // Until when the next operation must have happened.
        let Some(frontier) = open.first().and_then(|(_, it)| it.deadline()) else {
            return true;
        };
        if !self.seen.insert((done, state.clone())) {
            return false;
        }
        let mut next = open.into_iter().filter(|(_, it)| it.invoked <= frontier);
        next.any(|(number, _)| {
            let way = Way {
                done,
                state,
                last: None,
            };
            self.leads_to(number, frontier, &way)
        })
    }

    /// True when the operation `number` can happen on this way or a longer one, and all others
    /// after it.
    ///
    /// What had no answer happens as late as it can: right before an operation that could not be
    /// answered without it, or would leave something else behind.
    fn leads_to(&mut self, number: usize, frontier: Nanos, way: &Way<'_>) -> bool {
        self.steps += 1;
        if self.steps >= STEPS_MAX {
            return false;
        }
        let operation = &self.operations[number];
        let after = way.state.after(operation, number, frontier);
        if let Some(next) = after.filter(|next| !self.comes_early(number, frontier, way, next)) {
            self.order.push(number);
            if self.goes_on(way.done | bit(number), &next) {
                return true;
            }
            self.order.pop();
        }
        for index in 0..self.optional.len() {
            let (late, before) = self.optional[index];
            if way.done & bit(late) != 0
                || before.invoked > frontier
                || !concerns(before, operation)
                || self.is_second(late, way)
            {
                continue;
            }
            let Some(next) = way.state.after(before, late, frontier) else {
                continue;
            };
            if next == *way.state || self.unread[late] && next.is_like(way.state) {
                continue;
            }
            let way = Way {
                done: way.done | bit(late),
                state: &next,
                last: Some((late, way.state)),
            };
            self.order.push(late);
            if self.leads_to(number, frontier, &way) {
                return true;
            }
            self.order.pop();
        }
        false
    }

    /// True when the last one on the way to `number` could as well happen after it, or not at
    /// all: with it the operation leaves `next`.
    fn comes_early(&self, number: usize, frontier: Nanos, way: &Way<'_>, next: &State) -> bool {
        let Some((late, before)) = way.last else {
            return false;
        };
        let after =
            |state: &State, number: usize| state.after(&self.operations[number], number, frontier);
        after(before, number).is_some_and(|without| {
            without == *next || after(&without, late).is_some_and(|later| later == *next)
        })
    }

    /// True when another one without an answer comes before this one on the way, or instead of
    /// it: the same one from earlier on, which can stand wherever this one can, or what it does
    /// not depend on.
    fn is_second(&self, number: usize, way: &Way<'_>) -> bool {
        let this = &self.operations[number];
        let is_same = |&(other, operation): &(usize, &Operation)| {
            other < number
                && way.done & bit(other) == 0
                && operation.token == this.token
                && operation.call == this.call
        };
        let is_apart = |last: usize| {
            let attributes = (
                self.operations[last].call.attribute(),
                this.call.attribute(),
            );
            number < last && matches!(attributes, (Some(one), Some(other)) if one != other)
        };
        self.optional.iter().any(is_same) || way.last.is_some_and(|(last, _)| is_apart(last))
    }
}

/// True when it may matter to `operation` whether `before` happened.
fn concerns(before: &Operation, operation: &Operation) -> bool {
    match (before.call.attribute(), operation.call.attribute()) {
        (Some(changed), Some(used)) => changed == used,
        // To what is done to the session as a whole, an attribute does not matter.
        (Some(_), None) => operation.call == Call::Look,
        (None, _) => true,
    }
}

/// Tells of each operation whether it lost its answer, and left a value or a list item that nobody
/// ever read. Where the attribute was of that type before, the operation changed nothing that
/// matters: whoever could have told had to read it.
fn unread(operations: &[Operation]) -> Vec<bool> {
    let mut read: HashSet<&Value> = HashSet::new();
    let mut items: HashSet<i64> = HashSet::new();
    let mut numbers: BTreeSet<i64> = BTreeSet::new();
    for operation in operations {
        if let Outcome::Counted(number) = operation.outcome {
            numbers.insert(number);
        }
        for value in operation.outcome.values() {
            read.insert(value);
            match value {
                Value::List(list) => items.extend(list),
                Value::Number(number) => drop(numbers.insert(*number)),
                Value::Text(_) => {}
            }
        }
    }
    let increments = operations
        .iter()
        .filter(|it| matches!(it.call, Call::Increment(_)));
    let increments = i64::try_from(increments.count()).unwrap_or(i64::MAX);
    let is_unread = |call: &Call| match call {
        Call::Put(_, Value::List(list)) => !list.iter().any(|item| items.contains(item)),
        Call::Put(_, text @ Value::Text(_)) => !read.contains(text),
        // It may have been counted on from there.
        Call::Put(_, Value::Number(number)) => {
            let up_to = number.saturating_add(increments);
            numbers.range(number..=&up_to).next().is_none()
        }
        Call::Append(_, item) => !items.contains(item),
        _ => false,
    };
    let operations = operations.iter();
    operations
        .map(|it| it.outcome == Outcome::Unknown && is_unread(&it.call))
        .collect()
}

const fn bit(number: usize) -> Done {
    1 << number
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::NoOrder => writeln!(f, "no order of these operations explains the answers")?,
            Reason::TooHard => writeln!(f, "gave up after {STEPS_MAX} steps")?,
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
