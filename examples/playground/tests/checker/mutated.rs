//! True histories of which one answer is forged. A forged answer may happen to be true at another
//! moment of the same request, beside a rotation or a removal: so not each one can be found.

use crate::chance::Chance;
use crate::checker::{Reason, check};
use crate::history::{Attribute, Call, History, Outcome, Token, Value};
use crate::simulated::{Scene, simulate};

const SCENE: Scene = Scene {
    clients: 2,
    operations: 40,
    lost: 0,
};

/// What may be forged, and how many of a hundred forgeries are found at least. Somewhat more are
/// when this is written; where it says 100, each one must be.
pub(crate) struct Forgery {
    name: &'static str,
    /// The forged answer; `None` where the operation offers nothing to forge.
    forge: fn(&Call, &Outcome) -> Option<Outcome>,
    found_at_least: usize,
}

pub(crate) const FORGERIES: [Forgery; 8] = [
    Forgery {
        name: "an increment that counts one too few",
        forge: |_, outcome| match outcome {
            Outcome::Counted(number) => Some(Outcome::Counted(number - 1)),
            _ => None,
        },
        found_at_least: 98,
    },
    Forgery {
        name: "a value that nobody wrote",
        forge: |_, outcome| match outcome {
            Outcome::Found(_) => Some(Outcome::Found(Value::Number(-7))),
            _ => None,
        },
        found_at_least: 100,
    },
    Forgery {
        name: "a look that misses the counter",
        forge: |_, outcome| match outcome {
            Outcome::Seen(attributes, principal) => {
                attributes.get(Attribute::Counter)?;
                let mut fewer = attributes.clone();
                fewer.set(Attribute::Counter, None);
                Some(Outcome::Seen(fewer, principal.clone()))
            }
            _ => None,
        },
        found_at_least: 90,
    },
    Forgery {
        name: "a list that misses its first item",
        forge: |_, outcome| match outcome {
            Outcome::Found(Value::List(list)) if !list.is_empty() => {
                Some(Outcome::Found(Value::List(list[1..].to_vec())))
            }
            _ => None,
        },
        found_at_least: 100,
    },
    Forgery {
        name: "a session that is there where it was not",
        forge: |call, outcome| match (call, outcome) {
            (Call::Look, Outcome::Absent) => {
                Some(Outcome::Seen(crate::writing::holding(&[]), None))
            }
            _ => None,
        },
        found_at_least: 95,
    },
    Forgery {
        name: "a session that is not there where it was",
        forge: |call, outcome| match (call, outcome) {
            (Call::Look, Outcome::Seen(..)) => Some(Outcome::Absent),
            _ => None,
        },
        found_at_least: 80,
    },
    Forgery {
        name: "an increment that is told to be refused",
        forge: |_, outcome| match outcome {
            Outcome::Counted(_) => Some(Outcome::NoSession),
            _ => None,
        },
        found_at_least: 90,
    },
    Forgery {
        name: "a rotation that is told to be done twice",
        forge: |call, outcome| match (call, outcome) {
            (Call::ChangeId, Outcome::NoSession) => Some(Outcome::Rotated(Token(1_000))),
            _ => None,
        },
        found_at_least: 98,
    },
];

#[test]
fn an_answer_that_is_forged_is_found() {
    for forgery in &FORGERIES {
        let (mut forged, mut found) = (0, 0);
        for seed in 0..1_000 {
            let history = simulate(seed, SCENE);
            let Some(history) = forge(history, forgery, seed) else {
                continue;
            };
            forged += 1;
            match check(&history) {
                Ok(_) => {}
                Err(unexplained) if unexplained.reason == Reason::NoOrder => found += 1,
                Err(unexplained) => panic!("{unexplained}"),
            }
        }
        assert!(forged > 300, "{}: {forged}", forgery.name);
        assert!(
            found * 100 >= forged * forgery.found_at_least,
            "{}: {found} of {forged}",
            forgery.name
        );
    }
}

/// Forges one answer, taken by chance from those that can be.
pub(crate) fn forge(mut history: History, forgery: &Forgery, seed: u64) -> Option<History> {
    let operations = history.operations.iter().enumerate();
    let forgeries: Vec<_> = operations
        .filter_map(|(number, it)| Some((number, (forgery.forge)(&it.call, &it.outcome)?)))
        .collect();
    if forgeries.is_empty() {
        return None;
    }
    let chosen = Chance::from_seed(seed).branch(1).below(forgeries.len());
    let (number, outcome) = &forgeries[chosen];
    history.operations[*number].outcome = outcome.clone();
    Some(history)
}
