//! What a commit sends to a store: the changes of one request, never the whole session.

use std::sync::Arc;

use super::id::StoreKey;
use super::interval::MaxInactiveInterval;
use super::principal::SessionLimit;
use super::record::{Attribute, Attributes, Authentication, Record, Revision};
use super::value::{Items, LIST_HEADER_LEN, Value};
use crate::clock::Timestamp;

/// The changes of one request to one session, applied by a store in one atomic step.
///
/// It carries the time of the access, never a deadline: the store keeps the later access time
/// and computes the deadline from the record's own intervals. Without any change it is a touch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChangeSet {
    /// When the request last used the session.
    pub accessed_at: Timestamp,
    /// True when all attributes go before `attributes` is applied: a login over another
    /// principal starts empty.
    pub clear_attributes: bool,
    /// Changes of attributes, at most one for each name.
    pub attributes: Vec<AttributeChange>,
    /// A new idle limit.
    pub max_inactive_interval: Option<MaxInactiveInterval>,
    /// A login: the new principal and the new absolute deadline.
    pub login: Option<Login>,
    /// Set when this request sends the id to the client once more.
    pub issued_at: Option<Timestamp>,
    /// What the changed record may not exceed.
    pub limits: Limits,
    /// What the store should answer with when it applied the changes.
    pub reply: Reply,
}

/// A login as it travels to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who logged in, and when.
    pub authentication: Arc<Authentication>,
    /// How many live sessions the principal may have, this one included; `None` for any
    /// number.
    pub limit: Option<SessionLimit>,
    /// The absolute limit starts anew at a login, and only there (NIST SP 800-63B-4, 5.2).
    pub absolute_deadline: Timestamp,
}

/// A change of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeChange {
    /// The name of the attribute.
    pub name: Arc<str>,
    /// What the attribute must be for the change set to apply.
    pub expected: Expected,
    /// What happens to it.
    pub edit: Edit,
}

/// The precondition of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// None: the last writer wins, for this attribute only.
    Anything,
    /// The attribute must not exist.
    Absent,
    /// The attribute must still be at this revision.
    At(Revision),
}

/// What happens to an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It gets this value.
    Put(Value),
    /// It is removed; removing what is not there is fine.
    Remove,
    /// The items are added to the end of the list, which is made when it is absent.
    Append(Items),
}

/// What a record may not exceed. A change that makes a record smaller is always allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of names, values and principal together.
    pub max_bytes: usize,
    /// Number of attributes.
    pub max_attributes: usize,
}

impl Limits {
    /// No limits at all.
    pub const NONE: Self = Self {
        max_bytes: usize::MAX,
        max_attributes: usize::MAX,
    };
}

/// What the store answers with when it applied a change set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The new revision is enough.
    Revision,
    /// The record as it is now, for a handle that goes on reading.
    Record,
    /// The record as it was and as it is now, for listeners.
    Change,
}

/// Why a change set was not applied; the record is then as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// An attribute is not what the change set expects.
    Conflict,
    /// The record would exceed [`Limits`].
    TooLarge,
    /// An append to this attribute, which is not a list.
    NotAList(Arc<str>),
}

impl ChangeSet {
    /// A change set that changes nothing: a touch at `accessed_at`.
    #[must_use]
    pub const fn touch(accessed_at: Timestamp, limits: Limits) -> Self {
        Self {
            accessed_at,
            clear_attributes: false,
            attributes: Vec::new(),
            max_inactive_interval: None,
            login: None,
            issued_at: None,
            limits,
            reply: Reply::Revision,
        }
    }

    /// True when applying this raises the revision of the record.
    #[must_use]
    pub fn raises_revision(&self) -> bool {
        self.clear_attributes
            || !self.attributes.is_empty()
            || self.max_inactive_interval.is_some()
            || self.login.is_some()
    }
}

impl Record {
    /// Applies `changes` completely or not at all. The caller has made sure that the record
    /// is live at `now`.
    ///
    /// A store keeps its promises by running this under its own lock or transaction.
    ///
    /// # Errors
    /// A [`Refusal`]; the record is then unchanged.
    pub fn apply(&mut self, changes: &ChangeSet, now: Timestamp) -> Result<(), Refusal> {
        self.check(changes)?;
        if changes.raises_revision() {
            self.revision = self.revision.next();
        }
        if changes.clear_attributes {
            self.attributes = Attributes::default();
        }
        for change in &changes.attributes {
            self.edit(change);
        }
        if let Some(interval) = changes.max_inactive_interval {
            self.max_inactive_interval = interval;
        }
        if let Some(login) = &changes.login {
            self.authentication = Some(login.authentication.clone());
            self.absolute_deadline = login.absolute_deadline;
        }
        if let Some(issued_at) = changes.issued_at {
            self.issued_at = self.issued_at.max(issued_at);
        }
        self.record_access(changes.accessed_at, now);
        Ok(())
    }

    /// The same session under another key.
    #[must_use]
    pub fn renamed(mut self, key: StoreKey) -> Self {
        self.key = key;
        self
    }

    fn check(&self, changes: &ChangeSet) -> Result<(), Refusal> {
        if changes.attributes.is_empty() && changes.login.is_none() {
            return Ok(());
        }
        let (size, count) = (self.size(), self.attributes.len());
        let (mut new_size, mut new_count) = (size, count);
        if changes.clear_attributes {
            new_size -= self.attributes.size();
            new_count = 0;
        }
        for change in &changes.attributes {
            let current = self.attributes.get(&change.name);
            let current = current.filter(|_| !changes.clear_attributes);
            if !change.expected.is_met_by(current) {
                return Err(Refusal::Conflict);
            }
            if let (Edit::Append(items), Some(current)) = (&change.edit, current)
                && !current.value.takes(items)
            {
                return Err(Refusal::NotAList(change.name.clone()));
            }
            new_size = new_size.saturating_sub(current.map_or(0, Attribute::size))
                + change.size_over(current);
            new_count = new_count - usize::from(current.is_some())
                + usize::from(!matches!(change.edit, Edit::Remove));
        }
        if let Some(login) = &changes.login {
            let before = self.authentication.as_ref();
            new_size = new_size.saturating_sub(before.map_or(0, |login| login.size()))
                + login.authentication.size();
        }
        let limits = &changes.limits;
        let too_large = new_size > limits.max_bytes && new_size > size;
        let too_many = new_count > limits.max_attributes && new_count > count;
        if too_large || too_many {
            return Err(Refusal::TooLarge);
        }
        Ok(())
    }

    /// Applies one change that [`check`](Self::check) has allowed.
    fn edit(&mut self, change: &AttributeChange) {
        let revision = self.revision;
        let position = self.attributes.position(&change.name);
        match (&change.edit, position) {
            (Edit::Remove, Err(_)) => {}
            (Edit::Remove, Ok(index)) => {
                self.attributes.remove(index);
            }
            (Edit::Put(value), Ok(index)) => {
                let attribute = &mut self.attributes.make_mut()[index];
                attribute.value.overwrite(value);
                attribute.revision = revision;
            }
            (Edit::Append(items), Ok(index)) => {
                let attribute = &mut self.attributes.make_mut()[index];
                if attribute.value.append(items).is_ok() {
                    attribute.revision = revision;
                }
            }
            (Edit::Put(_) | Edit::Append(_), Err(index)) => {
                let value = match &change.edit {
                    Edit::Put(value) => value.clone(),
                    Edit::Append(items) => items.to_list(),
                    Edit::Remove => return,
                };
                let attribute = Attribute {
                    name: change.name.clone(),
                    revision,
                    value,
                };
                self.attributes.insert(index, attribute);
            }
        }
    }
}

impl Expected {
    fn is_met_by(self, current: Option<&Attribute>) -> bool {
        match self {
            Self::Anything => true,
            Self::Absent => current.is_none(),
            Self::At(revision) => current.is_some_and(|current| current.revision == revision),
        }
    }
}

impl AttributeChange {
    /// An upper bound of the attribute's size after this change of `current`; exact but for
    /// the few bytes by which the header of a list may widen.
    pub(crate) fn size_over(&self, current: Option<&Attribute>) -> usize {
        /// From the narrowest header to the widest.
        const WIDER_HEADER: usize = LIST_HEADER_LEN - 1;
        match &self.edit {
            Edit::Remove => 0,
            Edit::Put(value) => self.name.len() + value.bytes().len(),
            Edit::Append(items) => {
                items.bytes().len()
                    + match current {
                        Some(current) => current.size() + WIDER_HEADER,
                        None => self.name.len() + LIST_HEADER_LEN,
                    }
            }
        }
    }
}

#[cfg(test)]
mod tests;
