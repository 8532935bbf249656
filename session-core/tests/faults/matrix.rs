//! Every call, in every way, under one policy: the rows of the table.

use std::collections::BTreeMap;

use session_core::testkit::{Fault, Verb};

use crate::calls::CALLS;
use crate::judge::Judge;
use crate::policies::{Policy, Tasks};
use crate::requests::{REQUESTS, Request};
use crate::scene::{Distance, Trouble};
use crate::trial::{Case, Seen, Upset};

/// What was tried under one policy.
#[derive(Default)]
pub(crate) struct Matrix {
    pub(crate) rows: Vec<Row>,
    /// Requests that do not ask the store at all.
    pub(crate) unconcerned: Vec<&'static str>,
    pub(crate) cells: usize,
    /// What no fault may lead to, and one did.
    pub(crate) broken: Vec<String>,
}

/// One call of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) request: &'static str,
    pub(crate) verb: Verb,
    /// Counted from one; `None` where the request makes one such call.
    pub(crate) n: Option<usize>,
    /// What is seen when nothing goes wrong.
    pub(crate) usual: String,
    /// What is seen, in the order of [`troubles`]; empty where a call cannot go wrong like this.
    pub(crate) cells: Vec<String>,
}

/// Everything that can go wrong with a call.
pub(crate) fn troubles() -> impl Iterator<Item = Trouble> {
    let slow = [Trouble::SlowRequest, Trouble::SlowReply];
    Fault::ALL.into_iter().map(Trouble::Fault).chain(slow)
}

/// Where the cells of a row say what becomes of `trouble`.
pub(crate) fn place_of(trouble: Trouble) -> usize {
    let place = troubles().position(|it| it == trouble);
    place.expect("every trouble has its place in a row")
}

impl Matrix {
    pub(crate) fn of(policy: &'static Policy) -> Self {
        let mut matrix = Self::default();
        for request in REQUESTS.iter().chain(CALLS) {
            let far = matrix.rows_of(policy, Distance::Far, request);
            // A store in this process needs no runtime.
            let near = match policy.tasks {
                Tasks::Runtime => matrix.rows_of(policy, Distance::Near, request),
                Tasks::None => Vec::new(),
            };
            matrix.join(request, near, far);
        }
        matrix
    }

    fn rows_of(
        &mut self,
        policy: &'static Policy,
        distance: Distance,
        request: &'static Request,
    ) -> Vec<Row> {
        let case = Case {
            policy,
            distance,
            request,
            upset: None,
        };
        let usual = case.play();
        assert_eq!(usual.stuck, "", "{}", request.name);
        let mut counts = BTreeMap::<Verb, usize>::new();
        for verb in &usual.calls {
            *counts.entry(*verb).or_default() += 1;
        }
        let mut rows = Vec::new();
        for (verb, count) in counts {
            for n in 1..=count {
                rows.push(Row {
                    request: request.name,
                    verb,
                    n: (count > 1).then_some(n),
                    usual: usual.told(&usual),
                    cells: troubles()
                        .map(|trouble| self.cell(case, Upset { verb, n, trouble }, &usual))
                        .collect(),
                });
            }
        }
        rows
    }

    fn cell(&mut self, case: Case<'static>, upset: Upset, usual: &Seen) -> String {
        let Upset { verb, n, trouble } = upset;
        if !trouble.can_befall(verb) || !case.policy.knows(case.distance, trouble) {
            return String::new();
        }
        self.cells += 1;
        let upset_case = Case {
            upset: Some(upset),
            ..case
        };
        let seen = upset_case.play();
        let told = seen.told(usual);
        let judge = Judge {
            case,
            upset,
            seen: &seen,
            usual,
        };
        for verdict in judge.verdict() {
            self.broken.push(format!(
                "{}, {:?}, {}: {verb} {n} {trouble:?}: {told}: {verdict} {}",
                case.policy.name, case.distance, case.request.name, seen.stuck
            ));
        }
        told
    }

    /// What is seen does not depend on how far away the store is, but for what can only happen
    /// where it is far.
    fn join(&mut self, request: &'static Request, near: Vec<Row>, far: Vec<Row>) {
        let mut rows = near;
        for row in far {
            let same = rows
                .iter_mut()
                .find(|it| (it.verb, it.n) == (row.verb, row.n));
            match same {
                Some(same) => self.broken.extend(same.merge(row)),
                None => rows.push(row),
            }
        }
        rows.sort_by_key(|row| (place(row.verb), row.n));
        // Of what is swept beside requests nobody sees anything; the judge sees to that.
        rows.retain(|row| row.verb != Verb::Sweep || row.request.contains("sweep"));
        if rows.is_empty() {
            self.unconcerned.push(request.name);
        }
        self.rows.extend(rows);
    }
}

impl Row {
    /// Takes over the cells that only `far` has. Answers where the two differ.
    fn merge(&mut self, far: Self) -> Option<String> {
        let mut differences = Vec::new();
        for (cell, other) in self.cells.iter_mut().zip(far.cells) {
            if cell.is_empty() {
                *cell = other;
            } else if !other.is_empty() && *cell != other {
                differences.push(format!("{cell} / {other}"));
            }
        }
        let (request, verb) = (self.request, self.verb);
        (!differences.is_empty()).then(|| {
            format!(
                "{request}: {verb}: near and far differ: {}",
                differences.join(", ")
            )
        })
    }

    /// True when `other` is the same call of the same request.
    pub(crate) fn is_about(&self, other: &Self) -> bool {
        let n = |row: &Self| row.n.unwrap_or(1);
        (self.request, self.verb, n(self)) == (other.request, other.verb, n(other))
    }

    /// The call, as the table names it.
    pub(crate) fn call(&self) -> String {
        match self.n {
            None => format!("`{}`", self.verb),
            Some(n) => format!("`{}` {n}", self.verb),
        }
    }
}

/// Verbs in the order in which requests use them.
fn place(verb: Verb) -> (usize, Verb) {
    let order = [Verb::Load, Verb::Delete, Verb::Create];
    let place = order.iter().position(|it| *it == verb);
    (place.unwrap_or(order.len()), verb)
}
