//! The futures outside of requests: accessors, the manager, the sessions of principals.

use session_core::testkit::Verb;
use session_core::{Session, SessionError, SessionHandle, SessionManager};

use super::rows::{Row, change, late, row, yields};
use super::{Answer, Attempt, Stage};

pub(super) const OUTSIDE: &[Row] = &[
    row("session/accessor.rs::access", |stage, answer| {
        let accessor = stage.watcher.clone();
        stage.prepare(answer);
        Box::pin(async move {
            let work = accessor.access(async |session: Session| {
                change(&session)?;
                yields().await;
                Ok(())
            });
            work.await
        })
    })
    .calls(&[Verb::Load, Verb::Apply])
    .writes(),
    row("session/accessor.rs::open", |stage, answer| {
        let accessor = stage.watcher.clone();
        stage.prepare(answer);
        Box::pin(async move {
            let access = accessor.open().await?;
            change(&access)?;
            access.save().await.map(drop)
        })
    })
    .calls(&[Verb::Load, Verb::Apply])
    .writes(),
    row("manager.rs::drain", |stage, answer| {
        drop(late(stage, answer));
        let sessions = stage.given.site.sessions().clone();
        Box::pin(async move {
            sessions.drain().await;
            // What was handed off may have failed, of which an event tells.
            Err(SessionError::Failed)
        })
    })
    .writes(),
    row("manager.rs::ping", |stage, answer| {
        ask(stage, answer, async |it| it.ping().await)
    })
    .calls(&[Verb::Load]),
    row("manager.rs::census", |stage, answer| {
        ask(stage, answer, async |it| it.census().await.map(drop))
    })
    .calls(&[Verb::Census]),
    row("manager.rs::sweep", |stage, answer| {
        ask(stage, answer, async |it| it.sweep().await.map(drop))
    })
    .calls(&[Verb::Sweep]),
    row("principals.rs::sessions_of", |stage, answer| {
        ask(stage, answer, async |it| {
            it.sessions_of("ada").await.map(drop)
        })
    })
    .calls(&[Verb::List]),
    row("principals.rs::end_session", |stage, answer| {
        let handle = handle(stage);
        ask(stage, answer, async move |it| {
            ended(usize::from(it.end_session("ada", &handle).await?))
        })
    })
    .calls(&[Verb::End])
    .ends(),
    row("principals.rs::end_sessions_of", |stage, answer| {
        ask(stage, answer, async |it| {
            ended(it.end_sessions_of("ada").await?)
        })
    })
    .calls(&[Verb::EndAll])
    .ends(),
    row("principals.rs::end_other_sessions", |stage, answer| {
        let spared = handle(stage);
        ask(stage, answer, async move |it| {
            it.end_other_sessions("ada", &spared).await.map(drop)
        })
    })
    .case("of none")
    .calls(&[Verb::EndAll]),
    row("principals.rs::end_everybody", |stage, answer| {
        ask(stage, answer, async |it| it.end_everybody().await)
    })
    .calls(&[Verb::EndEverybody])
    .ends(),
];

/// Something that is asked of the manager.
fn ask(
    stage: &Stage,
    answer: Answer,
    question: impl AsyncFnOnce(SessionManager) -> Result<(), SessionError> + 'static,
) -> Attempt {
    let sessions = stage.given.site.sessions().clone();
    stage.prepare(answer);
    Box::pin(async move { question(sessions).await })
}

/// Who is told that none was ended is acknowledged no end.
fn ended(count: usize) -> Result<(), SessionError> {
    (count > 0).then_some(()).ok_or(SessionError::Gone)
}

/// The handle of Ada's session.
fn handle(stage: &Stage) -> SessionHandle {
    let listed = stage.given.site.sessions().sessions_of("ada");
    stage.given.in_a_while(listed).unwrap()[0].handle()
}
