//! The part of an exchange that its handles share: the state behind its lock, and the commits
//! that run on it one after the other.

use std::sync::Arc;
use std::task::Waker;

use super::keep_alive::Beat;
use super::state::{Death, Phase, State};
use crate::clock::Timestamp;
use crate::engine::{Engine, Touch};
use crate::error::SessionError;
use crate::event::{DropReason, SessionEvent};
use crate::lifecycle::bind::Bound;
use crate::lifecycle::commit::{
    Acted, HOPS_MAX, Moment, Readers, SaveOutcome, access_is_due, act, decide, settle,
    something_is_due,
};
use crate::lifecycle::deliver::{Delivery, deliver};
use crate::lifecycle::door::at_once;
use crate::session::{ChangeSet, StoreKey};
use crate::store::Applied;
use crate::sync::Mutex;

/// Shared by the exchange, its handle in the request, and every session handle.
pub(crate) struct Inner {
    pub(crate) engine: Arc<Engine>,
    pub(crate) state: Mutex<State>,
    #[cfg(feature = "testkit")]
    _presence: Arc<()>,
}

impl Inner {
    pub(crate) fn new(engine: Arc<Engine>, state: State) -> Self {
        Self {
            #[cfg(feature = "testkit")]
            _presence: engine.presence.clone(),
            engine,
            state: Mutex::new(state),
        }
    }

    /// Looks the client's claims up, once, and what came of it with `look`, which runs under the
    /// lock. `None` when the store has to be awaited.
    pub(crate) fn bind_at_once<T>(
        &self,
        look: impl FnOnce(&mut State) -> Result<T, SessionError>,
    ) -> Option<Result<T, SessionError>> {
        let (events, keeper, seen) = {
            let mut state = self.state.lock();
            match self.bind_locked(&mut state)? {
                Ok(events) => (events, state.take_keeper(), look(&mut state)),
                Err(error) => return Some(Err(error)),
            }
        };
        self.tell(events);
        wake(keeper);
        Some(seen)
    }

    /// Answers the events to tell once the lock is free.
    fn bind_locked(&self, state: &mut State) -> Option<Result<Vec<SessionEvent>, SessionError>> {
        if state.bound {
            return Some(Ok(Vec::new()));
        }
        if state.admission.is_nothing() {
            state.bound = true;
            return Some(Ok(Vec::new()));
        }
        let store = self.engine.store.immediate()?;
        let (access, now) = (self.engine.access(), self.engine.now());
        let mut bound = Bound::default();
        match bound.find_at_once(&self.engine, store, &state.admission, access, now) {
            Ok(()) => Some(Ok(state.accept(bound))),
            Err(error) => Some(Err(error)),
        }
    }

    /// Looks the client's claims up, once.
    pub(crate) async fn bind(&self) -> Result<(), SessionError> {
        if let Some(done) = self.bind_at_once(|_| Ok(())) {
            return done;
        }
        let admission = self.state.lock().admission.clone();
        let now = self.engine.now();
        let access = self.engine.access();
        let mut bound = Bound::default();
        bound.find(&self.engine, &admission, access, now).await?;
        let (events, keeper) = {
            let mut state = self.state.lock();
            (state.accept(bound), state.take_keeper())
        };
        self.tell(events);
        wake(keeper);
        Ok(())
    }

    /// Lets the response head leave if there is nothing to store and nothing to wait for: the
    /// way of every request that only reads.
    pub(crate) fn leave_clean(&self, readers: Readers) -> Option<Delivery> {
        let mut state = self.state.lock();
        let busy = state.queue.is_taken() || self.must_bind_first(&state);
        if busy || something_is_due(&state, &self.engine) {
            return None;
        }
        Some(self.leave_locked(&mut state, readers))
    }

    /// The response head leaves: from now on no id can be sent.
    pub(crate) fn leave(&self, readers: Readers) -> Delivery {
        self.leave_locked(&mut self.state.lock(), readers)
    }

    fn leave_locked(&self, state: &mut State, readers: Readers) -> Delivery {
        if state.phase == Phase::Open {
            state.phase = Phase::HeadSent;
        }
        let delivery = deliver(state, &self.engine);
        if readers == Readers::Nobody {
            state.die(Death::Finished);
        }
        delivery
    }

    /// True when every request counts as an access and this one has not been looked up.
    fn must_bind_first(&self, state: &State) -> bool {
        self.engine.settings.touch == Touch::EveryRequest
            && !state.bound
            && state.phase == Phase::Open
            && !state.admission.claims().is_empty()
    }

    /// Commits without an await. `None` when the store has to be awaited, or another commit
    /// of this request is under way.
    pub(crate) fn commit_at_once(
        &self,
        moment: Moment,
        readers: Readers,
    ) -> Option<Result<SaveOutcome, SessionError>> {
        let may_bind = self.engine.settings.touch == Touch::EveryRequest;
        if !self.engine.is_immediate() || may_bind && self.must_bind_first(&self.state.lock()) {
            return None;
        }
        let turn = match readers {
            Readers::Some => Some(self.try_turn()?),
            // There is nobody to take turns with.
            Readers::Nobody => None,
        };
        let outcome = at_once(self.commit_in_turn(moment, readers));
        drop(turn);
        outcome
    }

    /// Commits, and goes on to the end even when the future that waits for it is dropped.
    pub(crate) async fn commit(
        self: Arc<Self>,
        moment: Moment,
        readers: Readers,
    ) -> Result<SaveOutcome, SessionError> {
        if let Some(outcome) = self.commit_at_once(moment, readers) {
            return outcome;
        }
        let inner = self.clone();
        let commit = async move { self.commit_next(moment, readers).await };
        let outcome = inner.engine.see_through(commit).await;
        if let Err(SessionError::Interrupted) = &outcome {
            inner.state.lock().die(Death::CommitFailed);
        }
        outcome
    }

    /// Commits what a dropped body or a dropped handle leaves behind.
    pub(crate) fn hand_off(self: Arc<Self>) {
        if !self.state.lock().is_dirty() {
            return;
        }
        if self.commit_at_once(Moment::Late, Readers::Some).is_some() {
            return;
        }
        let Some(runtime) = self.engine.runtime.get().map(Arc::clone) else {
            self.give_up();
            return;
        };
        let guard = self.engine.handoffs.begin();
        self.state.lock().handed_off = true;
        runtime.spawn(Box::pin(async move {
            let turn = self.turn().await;
            self.state.lock().handed_off = false;
            // A failure has been told as an event: nobody is left to be answered.
            let _ = self.commit_in_turn(Moment::Late, Readers::Some).await;
            drop(turn);
            // Whoever wrote meanwhile may have left already. Then the last to go is this task, and
            // hands that off as well: before the server that waits may think that all is done.
            drop(self);
            drop(guard);
        }));
    }

    /// Nobody is left who could commit.
    fn give_up(&self) {
        self.state.lock().die(Death::Abandoned);
        let event = SessionEvent::WritesDropped(DropReason::NoRuntime);
        self.engine.events.send(event);
    }

    /// One commit, once no other one of this request is under way.
    async fn commit_next(
        &self,
        moment: Moment,
        readers: Readers,
    ) -> Result<SaveOutcome, SessionError> {
        let _turn = self.turn().await;
        self.commit_in_turn(moment, readers).await
    }

    /// One commit. The caller holds the turn, where there is anybody else who might commit.
    async fn commit_in_turn(
        &self,
        moment: Moment,
        readers: Readers,
    ) -> Result<SaveOutcome, SessionError> {
        let engine = &self.engine;
        let now = engine.now();
        let mut batch = {
            let mut state = self.state.lock();
            match (state.phase, moment) {
                (Phase::Dead(_), Moment::Save) => return Err(SessionError::Failed),
                (Phase::Dead(_), _) => return Ok(SaveOutcome::Unchanged),
                _ => decide(&mut state, engine, moment, readers, now),
            }
        };
        if batch.is_empty() {
            return Ok(SaveOutcome::Unchanged);
        }
        let mut acted = Acted::new(now);
        act(engine, &mut batch, &mut acted).await;
        let told = acted.take_told();
        let (keeper, (events, outcome)) = {
            let mut state = self.state.lock();
            let settled = settle(&mut state, &mut batch, &mut acted, moment);
            (state.take_keeper(), settled)
        };
        self.tell(events);
        if !told.stories.is_empty() {
            engine.notify(told.stories);
        }
        drop(told.under_way);
        engine.sweep_step(now, batch.sweeps());
        wake(keeper);
        outcome
    }

    /// True when an access now is to be recorded.
    pub(crate) fn access_is_due(&self) -> bool {
        let state = self.state.lock();
        let live = state.stored();
        live.is_some_and(|live| access_is_due(live, &self.engine, self.engine.now()))
    }

    /// Records an access now, so that a long request keeps its session alive, or asks without
    /// that, and learns where other requests have moved what it knows.
    pub(crate) async fn touch(&self, beat: Beat) {
        // A commit under way contacts the store as well, and may be changing the key.
        let Some(_turn) = self.try_turn() else {
            return;
        };
        let now = self.engine.now();
        let touches: Vec<_> = {
            let state = self.state.lock();
            let live = state.stored().map(|live| match beat {
                Beat::KeepAlive => (live.record.key, now),
                Beat::Ask => (live.record.key, live.record.accessed_at),
            });
            // What is to end is not kept alive until then.
            let endings = state.endings_to_find();
            let endings = endings.map(|record| (record.key, record.accessed_at));
            live.into_iter().chain(endings).collect()
        };
        for (key, accessed_at) in touches {
            self.touch_one(key, accessed_at, now).await;
        }
    }

    async fn touch_one(&self, mut key: StoreKey, accessed_at: Timestamp, now: Timestamp) {
        let engine = &self.engine;
        let changes = ChangeSet::touch(accessed_at, engine.settings.limits);
        for _ in 0..HOPS_MAX {
            match engine.apply(&key, &changes, now).await {
                Ok(Applied::Moved(to)) => {
                    self.state.lock().follow(key, to);
                    key = to;
                }
                Ok(Applied::Gone) => return self.state.lock().lose(key),
                Ok(_) => return self.state.lock().accessed(key, accessed_at),
                // The next beat tries again; an outage wins over keeping alive.
                Err(_) => return,
            }
        }
    }

    pub(crate) fn tell(&self, events: Vec<SessionEvent>) {
        for event in events {
            self.engine.events.send(event);
        }
    }
}

/// To be called without the lock.
fn wake(keeper: Option<Waker>) {
    if let Some(keeper) = keeper {
        keeper.wake();
    }
}

impl Drop for Inner {
    /// The last handle is gone. What it left uncommitted after the response head, a task that
    /// outlived the body for instance, is committed now.
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if state.phase != Phase::HeadSent || !state.is_dirty() {
            return;
        }
        if state.handed_off {
            return self.give_up();
        }
        let phase = Phase::Dead(Death::Finished);
        let dead = State::new(Default::default(), state.source, false, phase);
        let state = std::mem::replace(state, dead);
        Arc::new(Self::new(self.engine.clone(), state)).hand_off();
    }
}
