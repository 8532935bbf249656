//! The futures outside of requests: accessors, the manager, the sessions of principals.

use session_core::testkit::Verb;
use session_core::{Session, SessionError};

use super::rows::{Row, change, late, row, yields};

pub(super) const OUTSIDE: &[Row] = &[
    row(
        "session/accessor.rs::access",
        "",
        &[Verb::Load, Verb::Apply],
        |stage, answer| {
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
        },
    )
    .writes(),
    row(
        "session/accessor.rs::open",
        "",
        &[Verb::Load, Verb::Apply],
        |stage, answer| {
            let accessor = stage.watcher.clone();
            stage.prepare(answer);
            Box::pin(async move {
                let access = accessor.open().await?;
                change(&access)?;
                access.save().await.map(drop)
            })
        },
    )
    .writes(),
    row("manager.rs::drain", "", &[], |stage, answer| {
        drop(late(stage, answer));
        let sessions = stage.given.site.sessions().clone();
        Box::pin(async move {
            sessions.drain().await;
            // What was handed off may have failed, of which an event tells.
            Err(SessionError::Failed)
        })
    })
    .writes(),
    row("manager.rs::ping", "", &[Verb::Load], |stage, answer| {
        let sessions = stage.given.site.sessions().clone();
        stage.prepare(answer);
        Box::pin(async move { sessions.ping().await })
    }),
    row(
        "manager.rs::census",
        "",
        &[Verb::Census],
        |stage, answer| {
            let sessions = stage.given.site.sessions().clone();
            stage.prepare(answer);
            Box::pin(async move { sessions.census().await.map(drop) })
        },
    )
    .endless(),
    row("manager.rs::sweep", "", &[Verb::Sweep], |stage, answer| {
        let sessions = stage.given.site.sessions().clone();
        stage.prepare(answer);
        Box::pin(async move { sessions.sweep().await.map(drop) })
    }),
    row(
        "principals.rs::sessions_of",
        "",
        &[Verb::List],
        |stage, answer| {
            let sessions = stage.given.site.sessions().clone();
            stage.prepare(answer);
            Box::pin(async move { sessions.sessions_of("ada").await.map(drop) })
        },
    ),
    row(
        "principals.rs::end_session",
        "",
        &[Verb::End],
        |stage, answer| {
            let sessions = stage.given.site.sessions().clone();
            let listed = stage.given.in_a_while(sessions.sessions_of("ada")).unwrap();
            let handle = listed[0].handle();
            stage.prepare(answer);
            Box::pin(async move {
                let ended = sessions.end_session("ada", &handle).await?;
                ended.then_some(()).ok_or(SessionError::Gone)
            })
        },
    )
    .ends(),
    row(
        "principals.rs::end_sessions_of",
        "",
        &[Verb::EndAll],
        |stage, answer| {
            let sessions = stage.given.site.sessions().clone();
            stage.prepare(answer);
            Box::pin(async move {
                let ended = sessions.end_sessions_of("ada").await?;
                (ended > 0).then_some(()).ok_or(SessionError::Gone)
            })
        },
    )
    .ends(),
    row(
        "principals.rs::end_other_sessions",
        "of none",
        &[Verb::EndAll],
        |stage, answer| {
            let sessions = stage.given.site.sessions().clone();
            let listed = stage.given.in_a_while(sessions.sessions_of("ada")).unwrap();
            let spared = listed[0].handle();
            stage.prepare(answer);
            Box::pin(async move { sessions.end_other_sessions("ada", &spared).await.map(drop) })
        },
    ),
    row(
        "principals.rs::end_everybody",
        "",
        &[Verb::EndEverybody],
        |stage, answer| {
            let sessions = stage.given.site.sessions().clone();
            stage.prepare(answer);
            Box::pin(async move { sessions.end_everybody().await })
        },
    )
    .ends(),
];
