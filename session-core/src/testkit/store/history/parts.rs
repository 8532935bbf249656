//! Who acts at the same time: requests, accesses outside of requests, and managers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_util::future::{Either, select};

use super::deeds::{Became, PRINCIPALS, deed};
use crate::error::SessionError;
use crate::lifecycle::deliver::Delivery;
use crate::manager::SessionManager;
use crate::runtime::BoxFuture;
use crate::session::{Session, SessionAccessor};
use crate::testkit::chance::Chance;
use crate::testkit::visitor::Request;

/// What one of those who act leaves behind.
#[derive(Default)]
pub(super) struct Left {
    /// For the browser with this number.
    pub(super) delivery: Option<(usize, Delivery)>,
    pub(super) accessor: Option<SessionAccessor>,
    /// Errors that nobody should have got.
    pub(super) surprises: Vec<SessionError>,
}

/// Somebody who acts.
pub(super) type Part = BoxFuture<Left>;

impl Left {
    /// Notes an error that is none of those which a visitor may get.
    fn note(&mut self, error: SessionError) {
        use SessionError as E;
        match error {
            E::Conflict
            | E::Failed
            | E::Full
            | E::Gone
            | E::Invalidated
            | E::Moved
            | E::NoSession
            | E::ResponseCommitted
            | E::TooLarge
            | E::TooManySessions
            | E::Unavailable(_) => {}
            surprise => self.surprises.push(surprise),
        }
    }
}

/// One request of the browser with the number `browser`.
pub(super) fn request(
    sessions: SessionManager,
    request: Request,
    browser: usize,
    mut chance: Chance,
) -> Part {
    Box::pin(async move {
        let mut left = Left::default();
        let mut exchange = sessions.begin(&request);
        let handle = exchange.handle();
        for _ in 0..=chance.below(2) {
            match handle.session().await {
                Ok(session) => use_session(&session, &mut left, &mut chance).await,
                Err(error) => left.note(error),
            }
        }
        // A task that outlives the handler.
        let task = match chance.one_in(3) {
            true => handle.existing_session().await.ok().flatten(),
            false => None,
        };
        drop(handle);
        if chance.one_in(12) {
            return left;
        }
        let delivery = match exchange.commit().await {
            Ok(delivery) => Some(delivery),
            Err(error) => {
                left.note(error);
                exchange.salvage()
            }
        };
        left.delivery = delivery.map(|delivery| (browser, delivery));
        if let Some(task) = task {
            use_session(&task, &mut left, &mut chance).await;
            if chance.one_in(3) {
                // The client goes away, and the task goes on.
                drop(exchange);
                use_session(&task, &mut left, &mut chance).await;
                return left;
            }
        }
        if let Err(error) = exchange.finish().await {
            left.note(error);
        }
        left
    })
}

async fn use_session(session: &Session, left: &mut Left, chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        if chance.one_in(6)
            && let Ok(accessor) = session.accessor()
        {
            left.accessor = Some(accessor);
        }
        match deed(session, chance).await {
            Ok(Became::Itself) => {}
            Ok(Became::Ended) => return,
            Err(error) => left.note(error),
        }
        chance.pause().await;
    }
}

/// A use of a session outside of requests.
pub(super) fn access(accessor: SessionAccessor, mut chance: Chance) -> Part {
    Box::pin(async move {
        let mut left = Left::default();
        let accessor = match chance.one_in(2) {
            true => accessor.following_id_changes(),
            false => accessor,
        };
        let outcome = match chance.one_in(2) {
            true => access_by_guard(&accessor, &mut left, &mut chance).await,
            false => {
                accessor
                    .access(async |session| {
                        use_session(&session, &mut left, &mut chance).await;
                        Ok(())
                    })
                    .await
            }
        };
        if let Err(error) = outcome {
            left.note(error);
        }
        left.accessor = Some(accessor);
        left
    })
}

async fn access_by_guard(
    accessor: &SessionAccessor,
    left: &mut Left,
    chance: &mut Chance,
) -> Result<(), SessionError> {
    let session = accessor.open().await?;
    use_session(&session, left, chance).await;
    if chance.one_in(2) {
        session.save().await?;
    }
    Ok(())
}

/// What a store is to be asked now and then.
pub(super) fn sweep(sessions: SessionManager, mut chance: Chance) -> Part {
    Box::pin(async move {
        chance.pause().await;
        // The next sweep does what this one could not.
        let _ = sessions.sweep().await;
        Left::default()
    })
}

/// Something that a manager does from outside of sessions.
pub(super) fn manage(sessions: SessionManager, mut chance: Chance) -> Part {
    Box::pin(async move {
        let mut left = Left::default();
        chance.pause().await;
        match manage_some(&sessions, &mut chance).await {
            Ok(()) | Err(SessionError::NoPrincipals) => {}
            Err(error) => left.note(error),
        }
        left
    })
}

async fn manage_some(sessions: &SessionManager, chance: &mut Chance) -> Result<(), SessionError> {
    let principal = chance.pick(&PRINCIPALS);
    match chance.below(8) {
        0 => drop(sessions.end_sessions_of(principal).await?),
        1 => sessions.end_everybody().await?,
        2 => drop(sessions.census().await?),
        action => {
            let listed = sessions.sessions_of(principal).await?;
            if listed.is_empty() {
                return Ok(());
            }
            let handle = listed[chance.below(listed.len())].handle();
            chance.pause().await;
            match action {
                3..=5 => drop(sessions.end_session(principal, &handle).await?),
                _ => drop(sessions.end_other_sessions(principal, &handle).await?),
            }
        }
    }
    Ok(())
}

/// Gives `part` up after some steps, as a server does when a client goes away.
pub(super) fn given_up(part: Part, mut chance: Chance) -> Part {
    Box::pin(async move {
        let mut steps = chance.below(24);
        let patience = poll_fn(move |context| {
            if steps == 0 {
                return Poll::Ready(());
            }
            steps -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        });
        match select(part, pin!(patience)).await {
            Either::Left((left, _)) => left,
            Either::Right(_) => Left::default(),
        }
    })
}
