//! Random histories of a site on a store, with a ledger.

mod deeds;
#[cfg(test)]
mod flaws;
mod parts;
mod stage;
#[cfg(test)]
mod tests;
mod weather;

use std::fmt;
use std::sync::Arc;

use self::stage::Stage;
use self::weather::Trouble;
use super::Door;
use crate::runtime::Runtime;
use crate::store::SessionStore;
use crate::testkit::chance::Chance;

/// A random history of a site: visitors write, log in, change their ids and log out, several at
/// once, in requests and outside of them; managers end their sessions; time passes; calls of the
/// store fail, and clients go away. [`play`](Self::play) checks by a [`Ledger`](crate::testkit::Ledger) that the store
/// and what listeners are told agree all the time: created = destroyed + live.
///
/// A history is reproducible, but for one that is played [on threads](Self::on_threads). Every
/// store should play some hundreds of them; each takes milliseconds on a store in memory:
///
/// ```
/// use std::sync::Arc;
/// use session_core::store::memory::MemoryStore;
/// use session_core::testkit::block_on;
/// use session_core::testkit::store::History;
///
/// for seed in 0..10 {
///     let store = MemoryStore::builder().max_sessions(5).shards(4).build();
///     block_on(History::of_seed(seed).play(Arc::new(store)));
/// }
/// ```
#[derive(Clone)]
pub struct History {
    rounds: Vec<u64>,
    trouble: Trouble,
    crowd: Crowd,
    runtime: Option<Arc<dyn Runtime>>,
}

/// How those of one round act at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crowd {
    Interleaved,
    OnThreads,
}

impl History {
    /// The history that `seed` determines.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        const ROUNDS: usize = 24;
        let mut chance = Chance::new(seed);
        Self::of_rounds((0..ROUNDS).map(|_| chance.number()))
    }

    /// A history of rounds, each of which is determined by one number: for tools that look for
    /// the shortest history in which something is wrong.
    #[must_use]
    pub fn of_rounds(rounds: impl IntoIterator<Item = u64>) -> Self {
        Self {
            rounds: rounds.into_iter().collect(),
            trouble: Trouble::Refused,
            crowd: Crowd::Interleaved,
            runtime: None,
        }
    }

    /// Lets calls of the store be done whose answers are lost. What they did nobody can be told,
    /// so this checks less: that nothing is told twice or after the end of a session, and that
    /// what ended does not live on.
    #[must_use]
    pub fn with_lost_answers(mut self) -> Self {
        self.trouble = Trouble::AnswersLost;
        self
    }

    /// Lets those who act at the same time do so on threads, for a store that needs no async
    /// runtime. What happens is then not the same in every run.
    #[must_use]
    pub fn on_threads(mut self) -> Self {
        self.crowd = Crowd::OnThreads;
        self
    }

    /// Attaches a runtime to the site. Then clients go away also in the middle of a call.
    #[must_use]
    pub fn on_runtime(mut self, runtime: Arc<dyn Runtime>) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Plays the history on `store`, through each door that it has.
    ///
    /// The store must be empty and is left empty: sessions live in the present of the wall clock
    /// and in the days after it, and all of them end. Nobody else may use it meanwhile.
    ///
    /// # Panics
    /// With what is wrong, and the rounds that led to it.
    pub async fn play(&self, store: Arc<dyn SessionStore>) {
        if store.immediate().is_some() {
            self.play_through(Door::Immediate, store.clone()).await;
        }
        self.play_through(Door::Awaited, store).await;
    }

    /// Plays the history on `store`, through `door` alone.
    ///
    /// # Panics
    /// As [`play`](Self::play), and when the store has no such door.
    pub async fn play_through(&self, door: Door, store: Arc<dyn SessionStore>) {
        let mut site = Stage::open(self, door, store);
        for (number, round) in self.rounds.iter().enumerate() {
            if let Err(wrong) = site.play(Chance::new(*round)).await {
                panic!("{self}, after {number} rounds: {wrong}");
            }
        }
        if let Err(wrong) = site.close().await {
            panic!("{self}, at its end: {wrong}");
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "History::of_rounds({:?})", self.rounds)?;
        if self.trouble == Trouble::AnswersLost {
            f.write_str(".with_lost_answers()")?;
        }
        if self.crowd == Crowd::OnThreads {
            f.write_str(".on_threads()")?;
        }
        if self.runtime.is_some() {
            f.write_str(".on_runtime(..)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
