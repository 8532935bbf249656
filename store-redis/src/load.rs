//! Loading a session.
//!
//! A load that records an access is a script. One that does not, and most do not, reads the
//! session and then the generation, in one round trip: what a script would say about a live
//! session can be said here as well, for a fraction of the work of the server. Anything else
//! than a live session with nothing to record is left to the script.

use std::time::Duration;

use session_core::store::{Access, Loaded};
use session_core::{StoreKey, Timestamp};

use crate::connection::Deadline;
use crate::error::Fault;
use crate::record::{generation_of, record};
use crate::script::{Call, LOAD, number};
use crate::store::{ARRIVALS_MAX, RedisStore, never_arrives};

impl RedisStore {
    pub(crate) async fn load_session(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
    ) -> Result<Loaded, Fault> {
        let deadline = self.deadline();
        let mut loaded = None;
        if self.is_spared(key, access, now) {
            loaded = self.read(key, access, now, deadline).await?;
        }
        let loaded = match loaded {
            Some(loaded) => loaded,
            None => self.load_by_script(key, access, now, deadline).await?,
        };
        if let Loaded::Live { record, .. } = &loaded {
            self.0.recent.note(key, record.accessed_at);
        }
        Ok(loaded)
    }

    /// True when, as far as is known, this access need not be recorded.
    fn is_spared(&self, key: &StoreKey, access: Access, now: Timestamp) -> bool {
        let Access::Counted { unless_within } = access else {
            return true;
        };
        let recorded = self.0.recent.accessed(key);
        recorded.is_some_and(|recorded| {
            recorded <= now && now.saturating_since(recorded) < unless_within
        })
    }

    /// The session, if it is live and there is nothing to record.
    async fn read(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Loaded>, Fault> {
        let names = self.names();
        let group = names.group_of(key);
        let (session, generation) = (names.session(key), names.generation(group));
        let connection = &self.0.connection;
        let Some(read) = connection
            .read(group, &session, &generation, deadline)
            .await?
        else {
            return Ok(None);
        };
        let Some(label) = generation_of(&read.fields) else {
            return Ok(None);
        };
        let record = record(read.fields)?;
        let is_live = label >= read.generation && !record.is_expired(now);
        Ok(
            (is_live && !access.is_due(&record, now)).then_some(Loaded::Live {
                last_accessed: record.accessed_at,
                record,
            }),
        )
    }

    async fn load_by_script(
        &self,
        key: &StoreKey,
        access: Access,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Loaded, Fault> {
        let names = self.names();
        let group = names.group_of(key);
        let spare = match access {
            Access::Peek => Vec::new(),
            Access::Counted { unless_within } => number(millis_rounded_up(unless_within)).to_vec(),
        };
        let call = Call::of(&LOAD, group)
            .key(names.session(key))
            .key(names.generation(group))
            .key(names.index(group))
            .arg(number(now.as_millis()))
            .arg(spare)
            .arg(*key.as_bytes());
        for _ in 0..ARRIVALS_MAX {
            // An access may be recorded twice: it is the same one.
            let mut answer = self.ask(&call, deadline).await?;
            match answer.letter {
                b'L' => {
                    let last_accessed = Timestamp::from_millis(answer.number()?);
                    return Ok(Loaded::Live {
                        record: record(answer.list().unwrap_or_default())?,
                        last_accessed,
                    });
                }
                b'A' => return Ok(Loaded::Absent),
                b'F' => {
                    let _to: [u8; 32] = answer.array()?;
                    let since = Timestamp::from_millis(answer.number()?);
                    return Ok(Loaded::Moved { since });
                }
                b'S' => {
                    let from = StoreKey::from_bytes(answer.array()?);
                    if !self.bring(&from, key, now, deadline).await? {
                        return Ok(Loaded::Absent);
                    }
                }
                _ => return answer.unexpected(),
            }
        }
        Err(never_arrives())
    }
}

fn millis_rounded_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
