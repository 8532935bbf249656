//! Change sets on their way to the script, and what it answers.

use std::sync::Arc;

use session_core::store::{Applied, StoreError};
use session_core::{
    AttributeChange, ChangeSet, Edit, Expected, PrincipalKey, Reply, Revision, StoreKey, Timestamp,
};

use crate::error::Fault;
use crate::names::Names;
use crate::record::{idle_millis, login_field, record, stored_value};
use crate::script::{Answer, CHANGE, Call, number};

/// What happens to the key of the session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// It stays.
    Stay,
    /// It changes within the group.
    Move {
        to: &'a StoreKey,
        /// Whose the session is, where the list of that principal knows about the move.
        known: Option<&'a PrincipalKey>,
    },
    /// It changes to a key of another group, which was taken for it.
    Depart {
        to: &'a StoreKey,
        known: Option<&'a PrincipalKey>,
    },
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Changed {
    /// It was applied.
    Done(Done),
    /// It was not, for this reason.
    Refused(Applied),
    /// The session may be on its way to this key from that one.
    Staged(StoreKey),
    /// The session is this principal's, whose list should know about the move first.
    Of(PrincipalKey),
}

/// A change that was applied.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) applied: Applied,
    /// Whose the session was before.
    pub(crate) before: Option<PrincipalKey>,
    /// The session that departs, as fields.
    pub(crate) departed: Option<Vec<Vec<u8>>>,
}

impl Way<'_> {
    const fn letter(self) -> u8 {
        match self {
            Self::Stay => b'a',
            Self::Move { .. } => b'm',
            Self::Depart { .. } => b'd',
        }
    }

    fn target(&self) -> &[u8] {
        match self {
            Self::Stay => &[],
            Self::Move { to, .. } | Self::Depart { to, .. } => to.as_bytes(),
        }
    }

    fn known(&self) -> &[u8] {
        match self {
            Self::Move { known, .. } | Self::Depart { known, .. } => {
                known.map_or(&[], |known| known.as_bytes())
            }
            Self::Stay => &[],
        }
    }
}

/// The call that applies `changes` to the session under `key`, if it comes to the server before
/// the time `not_after` of the server's clock.
pub(crate) fn call(
    names: &Names,
    key: &StoreKey,
    way: Way<'_>,
    changes: &ChangeSet,
    not_after: Option<u64>,
    now: Timestamp,
) -> Call {
    let group = names.group_of(key);
    let mut call = Call::of(&CHANGE, group)
        .key(names.session(key))
        .key(names.generation(group))
        .key(names.index(group));
    if let Way::Move { to, .. } = way {
        call = call.key(names.session(to));
    }
    let login = changes.login.as_ref();
    let time = |time: Timestamp| number(time.as_millis()).to_vec();
    let limit = |limit: usize| number(u64::try_from(limit).unwrap_or(u64::MAX));
    let is_plain = is_plain(way, changes, not_after);
    let mut head = vec![
        if is_plain { b'p' } else { way.letter() },
        match changes.reply {
            Reply::Revision => b'0',
            Reply::Record => b'1',
            Reply::Change => b'2',
        },
        if changes.clear_attributes { b'1' } else { b'0' },
    ];
    head.extend(number(now.as_millis()));
    head.extend(number(changes.accessed_at.as_millis()));
    head.extend(limit(changes.limits.max_bytes));
    head.extend(limit(changes.limits.max_attributes));
    call = call.arg(head).arg(*key.as_bytes());
    if !is_plain {
        call = call
            .arg(
                changes
                    .max_inactive_interval
                    .map_or(Vec::new(), |idle| number(idle_millis(idle)).to_vec()),
            )
            .arg(login.map_or(Vec::new(), |login| login_field(&login.authentication)))
            .arg(login.map_or(Vec::new(), |login| time(login.absolute_deadline)))
            .arg(changes.issued_at.map_or(Vec::new(), time))
            .arg(way.target())
            .arg(not_after.map_or(String::new(), |time| time.to_string()))
            .arg(way.known());
    }
    call.args(changes.attributes.iter().flat_map(attribute))
}

/// The most attributes of a plain change.
const PLAIN_MAX: usize = 32;

/// True for a change that sets attributes and does nothing else, for which the server has a
/// shorter way.
fn is_plain(way: Way<'_>, changes: &ChangeSet, not_after: Option<u64>) -> bool {
    let is_put = |change: &AttributeChange| matches!(change.edit, Edit::Put(_));
    matches!(way, Way::Stay)
        && changes.reply == Reply::Revision
        && !changes.clear_attributes
        && changes.max_inactive_interval.is_none()
        && changes.login.is_none()
        && changes.issued_at.is_none()
        && not_after.is_none()
        && (1..=PLAIN_MAX).contains(&changes.attributes.len())
        && changes.attributes.iter().all(is_put)
}

fn attribute(change: &AttributeChange) -> [Vec<u8>; 4] {
    let (edit, value) = match &change.edit {
        Edit::Put(value) => (b"p".to_vec(), stored_value(value)),
        Edit::Remove => (b"r".to_vec(), Vec::new()),
        Edit::Append(items) => {
            let mut edit = vec![b'a'];
            edit.extend_from_slice(&items.count().to_be_bytes());
            (edit, items.bytes().to_vec())
        }
    };
    let expected = match change.expected {
        Expected::Anything => b"*".to_vec(),
        Expected::Absent => b"-".to_vec(),
        Expected::At(revision) => number(revision.get()).to_vec(),
    };
    [change.name.as_bytes().to_vec(), expected, edit, value]
}

/// What the answer to such a call means. `reply` is what the change set asked for.
pub(crate) fn changed(mut answer: Answer, way: Way<'_>, reply: Reply) -> Result<Changed, Fault> {
    Ok(match answer.letter {
        b'O' => Changed::Done(done(answer, way, reply)?),
        b'A' => Changed::Refused(Applied::Gone),
        b'F' => Changed::Refused(Applied::Moved(StoreKey::from_bytes(answer.array()?))),
        b'S' => Changed::Staged(StoreKey::from_bytes(answer.array()?)),
        b'X' => Changed::Refused(Applied::Taken),
        b'Z' => Changed::Refused(Applied::TooLarge),
        b'Y' => {
            let name = String::from_utf8(answer.bytes()?);
            let name = name.map_err(|_| Fault::damaged("a name that was given is not UTF-8"))?;
            Changed::Refused(Applied::NotAList(Arc::from(name)))
        }
        b'C' => {
            let fields = answer.list().unwrap_or_default();
            Changed::Refused(Applied::Conflict(record(fields)?))
        }
        b'P' => Changed::Of(PrincipalKey::from_bytes(answer.array()?)),
        _ => return answer.unexpected(),
    })
}

fn done(mut answer: Answer, way: Way<'_>, reply: Reply) -> Result<Done, Fault> {
    let revision = Revision::new(answer.number()?);
    let before = <[u8; 32]>::try_from(answer.bytes()?).ok();
    let record_before = answer.list().map(record).transpose()?;
    let after = answer.list();
    let departed = match way {
        Way::Depart { .. } => after.clone(),
        Way::Stay | Way::Move { .. } => None,
    };
    let record = match reply {
        Reply::Revision => None,
        Reply::Record | Reply::Change => after.map(record).transpose()?,
    };
    Ok(Done {
        applied: Applied::Applied {
            revision,
            record,
            before: record_before.map(Box::new),
        },
        before: before.map(PrincipalKey::from_bytes),
        departed,
    })
}

/// What a fault of a change means to whoever made it.
pub(crate) fn applied_of(fault: Fault) -> Result<Applied, StoreError> {
    match fault {
        Fault::Full => Ok(Applied::Full),
        fault => Err(fault.into()),
    }
}
