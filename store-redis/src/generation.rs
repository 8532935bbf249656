//! Ending everybody.
//!
//! Each group has a generation, and each record that of its group when it was made. Raising
//! the generation ends the sessions of a group in one step, however many there are; their index
//! is set aside for the sweeps to report and remove them.
//!
//! Groups are raised to the same number, one after the other. A session that moves between
//! them keeps the number that it was made with, so none escapes to a group that was raised
//! before.

use futures_util::future::join_all;

use crate::error::Fault;
use crate::names::Group;
use crate::principals::AT_ONCE;
use crate::script::{Call, GENERATION, RAISE};
use crate::store::RedisStore;

/// How often raising is tried when others raise as well.
const RAISES_MAX: usize = 8;

impl RedisStore {
    pub(crate) async fn raise_generation(&self) -> Result<(), Fault> {
        let groups = self.names().groups();
        let mut seen = Vec::with_capacity(groups.len());
        for some in groups.chunks(AT_ONCE) {
            let asks = some.iter().map(|group| self.generation_of(*group));
            for generation in join_all(asks).await {
                seen.push(generation?);
            }
        }
        let highest = seen.iter().copied().max().unwrap_or_default();
        let target = highest.saturating_add(1);
        let groups: Vec<_> = groups.into_iter().zip(seen).collect();
        self.raise_all(&groups, target).await
    }

    async fn generation_of(&self, group: Group) -> Result<u64, Fault> {
        let call = Call::of(&GENERATION, group).key(self.names().generation(group));
        self.ask(&call, self.deadline()).await?.digits()
    }

    /// Raises the groups, of which these generations were seen, to `target`: all that can be.
    pub(crate) async fn raise_all(
        &self,
        groups: &[(Group, u64)],
        target: u64,
    ) -> Result<(), Fault> {
        let mut outcome = Ok(());
        for some in groups.chunks(AT_ONCE) {
            let raises = some
                .iter()
                .map(|(group, seen)| self.raise(*group, *seen, target));
            for raised in join_all(raises).await {
                outcome = outcome.and(raised);
            }
        }
        outcome
    }

    async fn raise(&self, group: Group, mut seen: u64, target: u64) -> Result<(), Fault> {
        let names = self.names();
        for _ in 0..RAISES_MAX {
            if seen >= target {
                return Ok(());
            }
            let call = Call::of(&RAISE, group)
                .key(names.generation(group))
                .key(names.index(group))
                .key(names.set_aside(group, seen))
                .key(names.outdated(group))
                .arg(seen.to_string())
                .arg(target.to_string());
            // The second of two such calls finds another generation and changes nothing.
            let mut answer = self.ask(&call, self.deadline()).await?;
            match answer.letter {
                b'O' => return Ok(()),
                b'C' => seen = answer.digits()?,
                _ => return answer.unexpected(),
            }
        }
        Err(Fault::Refused("others end everybody all the time".into()))
    }
}
