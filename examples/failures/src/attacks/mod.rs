//! Every attack, one family in each file.

mod creation;
mod ids;
mod logins;
mod logouts;
mod parsing_time;
mod received;
mod responses;
mod set_cookie;
mod sources;
mod strangers;
mod tokens;
mod writes;

use crate::site::Site;
use crate::verdict::Attempt;

/// One thing that went wrong somewhere, tried on a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attack {
    /// What it is called, on the command line too.
    pub(crate) name: &'static str,
    /// The requirement that it tries, as in `docs/security-requirements.md`.
    pub(crate) requirement: &'static str,
    /// Where it went wrong; empty where it is only a rule.
    pub(crate) elsewhere: &'static str,
    /// What is tried, in a sentence.
    pub(crate) tried: &'static str,
    pub(crate) run: fn(&Site) -> Attempt,
}

/// All attacks, in the order in which they are reported.
pub(crate) fn all() -> impl Iterator<Item = Attack> {
    const FAMILIES: [&[Attack]; 12] = [
        &ids::ATTACKS,
        &strangers::ATTACKS,
        &sources::ATTACKS,
        &tokens::ATTACKS,
        &set_cookie::ATTACKS,
        &responses::ATTACKS,
        &received::ATTACKS,
        &parsing_time::ATTACKS,
        &logins::ATTACKS,
        &logouts::ATTACKS,
        &creation::ATTACKS,
        &writes::ATTACKS,
    ];
    FAMILIES.into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::all;

    #[test]
    fn attacks_have_names_of_their_own() {
        let names: BTreeSet<_> = all().map(|attack| attack.name).collect();
        assert!(names.len() > 40, "the families are not read");
        assert_eq!(names.len(), all().count());
    }

    #[test]
    fn every_attack_names_a_requirement() {
        for attack in all() {
            let (section, number) = attack.requirement.split_once('-').unwrap_or_default();
            assert!(section.len() == 2, "{}", attack.requirement);
            assert!(number.parse::<u8>().is_ok(), "{}", attack.requirement);
        }
    }
}
