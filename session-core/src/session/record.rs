//! What a store keeps of a session, and the one rule that says when it has expired.

use std::sync::Arc;
use std::time::Duration;

use super::id::{PrincipalKey, SessionHandle, StoreKey};
use super::interval::MaxInactiveInterval;
use super::value::Value;
use crate::clock::Timestamp;

/// A counter that rises with every change of a session, for the session's whole life.
///
/// Each attribute carries the revision at which it last changed; an update is applied only
/// while its attribute is still at the revision that the update read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// A revision from its number, as a store reads it back.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of the revision.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The revision that the next change gets.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A session as a store keeps it.
///
/// Cheap to clone: the attributes are shared until one of the copies changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The key that this record belongs to. The engine compares it after every load, so that
    /// a store which answers with somebody else's row is found out.
    pub key: StoreKey,
    /// A public name that outlives a change of the id.
    pub handle: SessionHandle,
    /// When the session was created.
    pub created_at: Timestamp,
    /// The latest access that was recorded.
    pub accessed_at: Timestamp,
    /// When the id was last sent to the client in a cookie.
    pub issued_at: Timestamp,
    /// How long the session may lie idle.
    pub max_inactive_interval: MaxInactiveInterval,
    /// When the session ends whatever its activity; [`Timestamp::NEVER`] for no limit.
    pub absolute_deadline: Timestamp,
    /// Who logged in, and when; `None` for an anonymous session.
    pub authentication: Option<Arc<Authentication>>,
    /// The revision of the last change.
    pub revision: Revision,
    /// The attributes, ordered by name.
    pub attributes: Attributes,
}

/// Who a session belongs to since when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// The name under which the visitor logged in.
    pub principal: Arc<str>,
    /// Under which a store lists the sessions of this principal.
    pub key: PrincipalKey,
    /// When the visitor proved to be that principal.
    pub authenticated_at: Timestamp,
    /// What the principal may tell this session from the others by, such as "Firefox on
    /// Linux".
    pub label: Option<Arc<str>>,
    /// How long the cookie of this session outlives the browser, where the login asked for
    /// that.
    pub remembered_for: Option<Duration>,
}

impl Authentication {
    /// A login of `principal` at `authenticated_at`, without a label, forgotten when the
    /// browser is closed unless the cookie of all sessions is kept longer.
    #[must_use]
    pub fn new(
        principal: impl Into<Arc<str>>,
        key: PrincipalKey,
        authenticated_at: Timestamp,
    ) -> Self {
        Self {
            principal: principal.into(),
            key,
            authenticated_at,
            label: None,
            remembered_for: None,
        }
    }

    /// True when the visitor proved at most `within` ago to be the principal.
    ///
    /// A login that is up to five minutes ahead of `now` counts as one of this moment, for the
    /// clocks of two machines differ. One that is further ahead was noted by a clock that was
    /// wrong, and is not fresh.
    #[must_use]
    pub fn is_fresh(&self, within: Duration, now: Timestamp) -> bool {
        let ahead = self.authenticated_at.saturating_since(now);
        ahead <= CLOCK_SKEW_MAX && now.saturating_since(self.authenticated_at) <= within
    }

    /// The size in bytes that limits count: principal and label.
    #[must_use]
    pub fn size(&self) -> usize {
        self.principal.len() + self.label.as_ref().map_or(0, |label| label.len())
    }
}

impl Record {
    /// An anonymous session without attributes that is accessed for the first time at `now`
    /// and never expires.
    #[must_use]
    pub fn new(key: StoreKey, handle: SessionHandle, now: Timestamp) -> Self {
        Self {
            key,
            handle,
            created_at: now,
            accessed_at: now,
            issued_at: now,
            max_inactive_interval: MaxInactiveInterval::Never,
            absolute_deadline: Timestamp::NEVER,
            authentication: None,
            revision: Revision::default(),
            attributes: Attributes::default(),
        }
    }

    /// When the session expires unless it is accessed before: the earlier of the idle and the
    /// absolute deadline, [`Timestamp::NEVER`] when it has neither.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.max_inactive_interval
            .deadline(self.accessed_at)
            .min(self.absolute_deadline)
    }

    /// True from the moment of [`expires_at`](Self::expires_at) on: a session that was idle
    /// for exactly its limit is expired. The one rule that load, apply, sweep, SQL and native
    /// expiry times all derive from.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }

    /// Records an access at `accessed_at`. Access times only rise, except that one more than
    /// five minutes ahead of `now` counts as `now`: a clock that was wrong for a while must
    /// not make a session immortal.
    pub fn record_access(&mut self, accessed_at: Timestamp, now: Timestamp) {
        self.accessed_at = not_ahead(self.accessed_at, now).max(not_ahead(accessed_at, now));
    }

    /// The size in bytes that limits count: names, values, the principal and its label.
    #[must_use]
    pub fn size(&self) -> usize {
        let login = self.authentication.as_ref().map_or(0, |login| login.size());
        login + self.attributes.size()
    }
}

/// How far an access or a login may lie ahead of the clock before it is taken for a wrong clock.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

fn not_ahead(time: Timestamp, now: Timestamp) -> Timestamp {
    if time.saturating_since(now) > CLOCK_SKEW_MAX {
        now
    } else {
        time
    }
}

/// One attribute of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name, 1 to 255 bytes, compared byte for byte.
    pub name: Arc<str>,
    /// The revision at which the value last changed.
    pub revision: Revision,
    /// The value.
    pub value: Value,
}

impl Attribute {
    /// The size in bytes that limits count: name and value.
    #[must_use]
    pub fn size(&self) -> usize {
        self.name.len() + self.value.bytes().len()
    }

    /// Moves the attribute out, and leaves one without a value.
    fn take(&mut self) -> Self {
        Self {
            name: self.name.clone(),
            revision: self.revision,
            value: self.value.take(),
        }
    }
}

/// The attributes of a session, ordered by name; clones share them until one changes.
///
/// They lie in one piece, which takes less memory than a list that could grow: sessions are
/// many, and get another attribute seldom.
#[derive(Clone, Debug, Default)]
pub struct Attributes(
    /// `None` for no attributes, which then need no allocation.
    Option<Arc<[Attribute]>>,
);

impl Attributes {
    /// The attribute called `name`, or `None` when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        let index = self.position(name).ok()?;
        self.as_slice().get(index)
    }

    /// The attributes, ordered by name.
    pub fn iter(&self) -> std::slice::Iter<'_, Attribute> {
        self.as_slice().iter()
    }

    /// How many attributes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// The bytes of all names and values.
    #[must_use]
    pub fn size(&self) -> usize {
        self.iter().map(Attribute::size).sum()
    }

    /// Where `name` is, or where it would be inserted.
    pub(super) fn position(&self, name: &str) -> Result<usize, usize> {
        self.as_slice()
            .binary_search_by(|attribute| attribute.name.as_bytes().cmp(name.as_bytes()))
    }

    /// Those of a list that is ordered by name already.
    pub(super) fn from_ordered(list: Vec<Attribute>) -> Self {
        Self((!list.is_empty()).then(|| list.into()))
    }

    /// The attributes for changing them; copied first when another record shares them.
    pub(super) fn make_mut(&mut self) -> &mut [Attribute] {
        self.0.as_mut().map_or(&mut [], Arc::make_mut)
    }

    /// Adds an attribute at the place that [`position`](Self::position) told.
    pub(super) fn insert(&mut self, index: usize, attribute: Attribute) {
        let mut list = self.take(1);
        list.insert(index, attribute);
        *self = Self::from_ordered(list);
    }

    /// Removes the attribute at this place.
    pub(super) fn remove(&mut self, index: usize) {
        let mut list = self.take(0);
        list.remove(index);
        *self = Self::from_ordered(list);
    }

    /// The attributes as a list with room for some more. Values are moved, not copied, unless
    /// another record shares them.
    fn take(&mut self, more: usize) -> Vec<Attribute> {
        let mut list = Vec::with_capacity(self.len() + more);
        if let Some(mut shared) = self.0.take() {
            match Arc::get_mut(&mut shared) {
                Some(own) => list.extend(own.iter_mut().map(Attribute::take)),
                None => list.extend_from_slice(&shared),
            }
        }
        list
    }

    fn as_slice(&self) -> &[Attribute] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl PartialEq for Attributes {
    /// The last of the attributes may have been removed, or there may never have been any.
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Attributes {}

impl FromIterator<Attribute> for Attributes {
    /// Collects attributes in any order; of several with one name the last one stays.
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        let mut collected = Self::default();
        for attribute in attributes {
            let position = collected.position(&attribute.name);
            match position {
                Ok(index) => collected.make_mut()[index] = attribute,
                Err(index) => collected.insert(index, attribute),
            }
        }
        collected
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type Item = &'a Attribute;
    type IntoIter = std::slice::Iter<'a, Attribute>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::value::Codec;

    #[test]
    fn attributes_that_are_all_removed_are_as_if_there_had_never_been_any() {
        let attribute = Attribute {
            name: "a".into(),
            revision: Revision::new(1),
            value: Value::new(Codec::MessagePack, vec![1]),
        };
        let mut attributes: Attributes = [attribute].into_iter().collect();
        assert_ne!(attributes, Attributes::default());
        assert!(!attributes.is_empty());
        attributes.remove(0);
        assert_eq!(attributes, Attributes::default());
        assert!(attributes.is_empty());
    }

    #[test]
    fn a_login_is_fresh_until_a_clock_is_more_than_five_minutes_behind_it() {
        let key = PrincipalKey::from_bytes([0; 32]);
        let now = Timestamp::from_millis(1_000_000);
        let ahead = |millis| {
            let at = now.saturating_add(Duration::from_millis(millis));
            Authentication::new("ada", key, at).is_fresh(Duration::ZERO, now)
        };
        assert!(ahead(5 * 60 * 1_000));
        assert!(!ahead(5 * 60 * 1_000 + 1));
    }

    #[test]
    fn a_value_stays_where_it_is_when_others_come_and_go() {
        let attribute = |name: &str| Attribute {
            name: name.into(),
            revision: Revision::new(1),
            value: Value::new(Codec::MessagePack, vec![7; 1_000]),
        };
        let place = |attributes: &Attributes| {
            let value = attributes.get("b").map(|it| it.value.bytes());
            value.map(<[u8]>::as_ptr)
        };
        let mut attributes: Attributes = [attribute("b")].into_iter().collect();
        let before = place(&attributes);
        attributes.insert(0, attribute("a"));
        attributes.insert(2, attribute("c"));
        attributes.remove(0);
        assert_eq!(place(&attributes), before);
        let shared = attributes.clone();
        attributes.remove(1);
        assert_ne!(place(&attributes), before, "another record has it");
        assert_eq!((shared.len(), attributes.len()), (2, 1));
        assert_eq!(shared.get("b"), attributes.get("b"));
    }
}
