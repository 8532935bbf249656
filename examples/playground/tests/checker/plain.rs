//! The same search without any shortcut, to hold the other one to.

use std::collections::HashSet;

use crate::checker::{Reason, check};
use crate::history::History;
use crate::model::State;
use crate::mutated::{FORGERIES, forge};
use crate::simulated::{Scene, simulate};

#[test]
fn the_search_with_shortcuts_and_the_plain_one_agree() {
    let (mut explained, mut refused) = (0, 0);
    let scenes = [(2, 30, 12), (4, 24, 12), (3, 20, 25)];
    for (clients, operations, lost) in scenes {
        let scene = Scene {
            clients,
            operations,
            lost,
        };
        for seed in 0..60 {
            let history = simulate(seed, scene);
            let forged = FORGERIES.iter();
            let forged = forged.filter_map(|forgery| forge(history.clone(), forgery, seed));
            for history in forged {
                let is_explained = match check(&history) {
                    Ok(_) => true,
                    Err(unexplained) => {
                        assert_eq!(unexplained.reason, Reason::NoOrder, "{unexplained}");
                        false
                    }
                };
                assert_eq!(is_explained, explains(&history), "{scene:?}, {seed}");
                match is_explained {
                    true => explained += 1,
                    false => refused += 1,
                }
            }
        }
    }
    assert!(explained > 50 && refused > 300, "{explained}, {refused}");
}

/// True when an order of the operations explains the history.
fn explains(history: &History) -> bool {
    let state = State::new(history.attributes.clone());
    goes_on(history, 0, &state, &mut HashSet::new())
}

fn goes_on(
    history: &History,
    done: u128,
    state: &State,
    seen: &mut HashSet<(u128, State)>,
) -> bool {
    let open = history.operations.iter().enumerate();
    let open: Vec<_> = open.filter(|(number, _)| done >> number & 1 == 0).collect();
    let deadlines = open
        .iter()
        .filter_map(|(_, operation)| operation.deadline());
    let Some(frontier) = deadlines.min() else {
        return true;
    };
    seen.insert((done, state.clone()))
        && open.iter().any(|&(number, operation)| {
            let can_begin = operation.invoked <= frontier;
            let next = state
                .after(operation, number, frontier)
                .filter(|_| can_begin);
            next.is_some_and(|next| goes_on(history, done | 1 << number, &next, seen))
        })
}
