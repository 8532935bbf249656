//! The calls that stores answer, by name: for counting, for failing on cue, for labels.

use std::fmt;

/// A verb of [`SessionStore`](super::SessionStore) or of its
/// [`PrincipalIndex`](super::PrincipalIndex).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// [`SessionStore::create`](super::SessionStore::create).
    Create,
    /// [`SessionStore::load`](super::SessionStore::load).
    Load,
    /// [`SessionStore::apply`](super::SessionStore::apply).
    Apply,
    /// [`SessionStore::rename`](super::SessionStore::rename).
    Rename,
    /// [`SessionStore::delete`](super::SessionStore::delete).
    Delete,
    /// [`SessionStore::sweep`](super::SessionStore::sweep).
    Sweep,
    /// [`SessionStore::census`](super::SessionStore::census).
    Census,
    /// [`PrincipalIndex::list`](super::PrincipalIndex::list).
    List,
    /// [`PrincipalIndex::end`](super::PrincipalIndex::end).
    End,
    /// [`PrincipalIndex::end_all`](super::PrincipalIndex::end_all).
    EndAll,
    /// [`PrincipalIndex::end_everybody`](super::PrincipalIndex::end_everybody).
    EndEverybody,
}

impl Verb {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 11] = [
        Self::Create,
        Self::Load,
        Self::Apply,
        Self::Rename,
        Self::Delete,
        Self::Sweep,
        Self::Census,
        Self::List,
        Self::End,
        Self::EndAll,
        Self::EndEverybody,
    ];

    /// The name of the method, such as `end_all`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Load => "load",
            Self::Apply => "apply",
            Self::Rename => "rename",
            Self::Delete => "delete",
            Self::Sweep => "sweep",
            Self::Census => "census",
            Self::List => "list",
            Self::End => "end",
            Self::EndAll => "end_all",
            Self::EndEverybody => "end_everybody",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_verbs_are_listed_in_their_order() {
        for (number, verb) in Verb::ALL.into_iter().enumerate() {
            assert_eq!(verb as usize, number, "{verb}");
        }
        assert_eq!(Verb::ALL.len(), Verb::EndEverybody as usize + 1);
    }
}
