//! Removing what has expired, and telling of what was ended.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use session_core::store::{RemovalReason, Removed, Swept};
use session_core::{Record, Timestamp};

use crate::error::Fault;
use crate::lists::Strike;
use crate::names::{GROUPS_AT_ONCE, Group};
use crate::record::record;
use crate::script::{Call, DUE, OUTDATED, REAP, REPORTED, number};
use crate::store::RedisStore;

/// How many sessions a script removes at most: it holds up everything else meanwhile.
const BATCH: usize = 100;

/// What there is to do in a group.
struct Due {
    group: Group,
    generation: u64,
    waiting: u64,
    outdated: Option<u64>,
    keys: Vec<Vec<u8>>,
}

/// What was removed so far.
struct Sweep {
    now: Timestamp,
    limit: usize,
    swept: Swept,
}

impl Sweep {
    /// How many more may be removed in one step.
    fn room(&self) -> usize {
        (self.limit - self.swept.removed.len()).min(BATCH)
    }
}

impl RedisStore {
    pub(crate) async fn sweep_groups(&self, now: Timestamp, limit: usize) -> Result<Swept, Fault> {
        let mut sweep = Sweep {
            now,
            limit,
            swept: Swept::default(),
        };
        let mut groups = self.names().groups();
        // The next sweep begins where this one ends, so that every group has its turn.
        let count = groups.len();
        groups.rotate_left(self.0.next_swept.load(Ordering::Relaxed) % count);
        let mut generations = Vec::new();
        let mut outcome = Ok(());
        for some in groups.chunks(GROUPS_AT_ONCE) {
            if sweep.room() == 0 {
                sweep.swept.more = true;
                break;
            }
            let asks = some.iter().map(|group| self.due_in(*group, now));
            for due in join_all(asks).await {
                // A node that is down holds up its own groups only.
                let swept = match due {
                    Ok(due) => {
                        generations.push((due.group, due.generation));
                        self.sweep_group(due, &mut sweep).await
                    }
                    Err(fault) => Err(fault),
                };
                outcome = outcome.and(swept);
            }
            self.0.next_swept.fetch_add(some.len(), Ordering::Relaxed);
        }
        self.level(&generations).await;
        // What was removed has to be told, whatever else failed.
        if !sweep.swept.removed.is_empty() {
            sweep.swept.more |= outcome.is_err();
            return Ok(sweep.swept);
        }
        outcome.map(|()| sweep.swept)
    }

    /// Ends the sessions of groups that were forgotten when everybody was ended, because whoever
    /// did it died on the way.
    async fn level(&self, generations: &[(Group, u64)]) {
        let highest = generations.iter().map(|(_, generation)| *generation).max();
        if let Some(highest) = highest {
            // Whatever fails is seen again by the next sweep.
            let _ = self.raise_all(generations, highest).await;
        }
    }

    async fn due_in(&self, group: Group, now: Timestamp) -> Result<Due, Fault> {
        let names = self.names();
        let call = Call::of(&DUE, group)
            .key(names.generation(group))
            .key(names.index(group))
            .key(names.ended(group))
            .key(names.outdated(group))
            .arg(number(now.as_millis()))
            // One more than is removed, to know whether there are more.
            .arg((BATCH + 1).to_string());
        let mut answer = self.ask(&call, self.deadline()).await?;
        let (generation, waiting) = (answer.digits()?, answer.digits()?);
        let outdated = answer.optional_bytes();
        let outdated = outdated.and_then(|digits| str::from_utf8(&digits).ok()?.parse().ok());
        Ok(Due {
            group,
            generation,
            waiting,
            outdated,
            keys: answer.list().unwrap_or_default(),
        })
    }

    async fn sweep_group(&self, due: Due, sweep: &mut Sweep) -> Result<(), Fault> {
        if due.waiting > 0 {
            self.take_reported(due.group, sweep).await?;
            sweep.swept.more |= due.waiting > BATCH as u64;
        }
        if let Some(generation) = due.outdated {
            self.take_outdated(due.group, generation, sweep).await?;
        }
        let room = sweep.room();
        let keys: Vec<_> = due.keys.iter().take(room).cloned().collect();
        let is_all = keys.len() == due.keys.len();
        if !keys.is_empty() {
            let index = self.names().index(due.group);
            self.reap(due.group, index, Index::Current, keys, sweep)
                .await?;
        }
        sweep.swept.more |= !is_all;
        Ok(())
    }

    async fn take_reported(&self, group: Group, sweep: &mut Sweep) -> Result<(), Fault> {
        let room = sweep.room();
        if room == 0 {
            sweep.swept.more = true;
            return Ok(());
        }
        let call = Call::of(&REPORTED, group)
            .key(self.names().ended(group))
            .arg(room.to_string());
        let mut answer = self.call(&call, self.deadline()).await?;
        let records = answer.records();
        // There may be more than were taken, or more than fit into one answer.
        sweep.swept.more |= !records.is_empty();
        self.note(records, sweep).await;
        Ok(())
    }

    async fn take_outdated(
        &self,
        group: Group,
        generation: u64,
        sweep: &mut Sweep,
    ) -> Result<(), Fault> {
        // Until the index is found empty.
        sweep.swept.more = true;
        let room = sweep.room();
        if room == 0 {
            return Ok(());
        }
        let index = self.names().set_aside(group, generation);
        let call = Call::of(&OUTDATED, group)
            .key(index.clone())
            .key(self.names().outdated(group))
            .arg(generation.to_string())
            .arg(room.to_string());
        let mut answer = self.ask(&call, self.deadline()).await?;
        let keys = answer.list().unwrap_or_default();
        if keys.is_empty() {
            return Ok(());
        }
        self.reap(group, index, Index::SetAside, keys, sweep).await
    }

    async fn reap(
        &self,
        group: Group,
        index: String,
        kind: Index,
        keys: Vec<Vec<u8>>,
        sweep: &mut Sweep,
    ) -> Result<(), Fault> {
        let names = self.names();
        let mut call = Call::of(&REAP, group)
            .key(names.generation(group))
            .key(index)
            .arg(number(sweep.now.as_millis()))
            .arg(match kind {
                Index::Current => "0",
                Index::SetAside => "1",
            });
        let asked = keys.len();
        for key in keys {
            // What is no key of ours has no session.
            let digest = <[u8; 32]>::try_from(&key[..]).unwrap_or_default();
            let name = names.session(&session_core::StoreKey::from_bytes(digest));
            call = call.key(name).arg(key);
        }
        let mut answer = self.call(&call, self.deadline()).await?;
        let records = answer.records();
        sweep.swept.more |= records.len() < asked;
        self.note(records, sweep).await;
        Ok(())
    }

    /// Notes what was removed, and strikes it off the lists of principals.
    async fn note(&self, records: Vec<(u8, Vec<Vec<u8>>)>, sweep: &mut Sweep) {
        let mut gone: Vec<Record> = Vec::new();
        for (letter, fields) in records {
            // What cannot be read now could not be read by anybody.
            let Ok(record) = record(fields) else {
                continue;
            };
            if letter != b'r' && record.authentication.is_some() {
                gone.push(record.clone());
            }
            sweep.swept.removed.push(Removed {
                record,
                reason: match letter {
                    b'e' => RemovalReason::Expired,
                    b'r' => RemovalReason::Replaced,
                    _ => RemovalReason::Generation,
                },
            });
        }
        let deadline = self.deadline();
        let strikes = gone.iter().filter_map(|record| {
            let login = record.authentication.as_ref()?;
            Some(self.strike(&login.key, Strike::Removed, [record.key], deadline))
        });
        join_all(strikes).await;
    }
}

/// Which index keys were found in.
#[derive(Clone, Copy)]
enum Index {
    Current,
    SetAside,
}
