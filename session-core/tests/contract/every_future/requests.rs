//! The futures of a request: opening its session, committing, saving, ending.

use std::future::poll_fn;
use std::task::Poll;

use session_core::BodyFrame;
use session_core::testkit::Verb;

use super::rows::{Row, commit, late, open, row, save, write};
use crate::given::{MINUTE, SECOND};

pub(super) const REQUESTS: &[Row] = &[
    row(
        "exchange/handle.rs::session",
        "",
        &[Verb::Load],
        |stage, answer| {
            let handle = stage.ada.begin().handle();
            stage.prepare(answer);
            Box::pin(async move { handle.session().await.map(drop) })
        },
    ),
    row(
        "exchange/handle.rs::existing_session",
        "",
        &[Verb::Load],
        |stage, answer| {
            let handle = stage.ada.begin().handle();
            stage.prepare(answer);
            Box::pin(async move { handle.existing_session().await.map(drop) })
        },
    ),
    row(
        "exchange/handle.rs::is_requested_session_id_valid",
        "",
        &[Verb::Load],
        |stage, answer| {
            let handle = stage.ada.begin().handle();
            stage.prepare(answer);
            Box::pin(async move { handle.is_requested_session_id_valid().await.map(drop) })
        },
    ),
    row(
        "exchange/handle.rs::peek_session",
        "",
        &[Verb::Load],
        |stage, answer| {
            let handle = stage.ada.begin().handle();
            stage.prepare(answer);
            Box::pin(async move { handle.peek_session().await.map(drop) })
        },
    ),
    row(
        "exchange/mod.rs::commit",
        "a change",
        &[Verb::Apply],
        |stage, answer| commit(open(stage, answer, write)),
    )
    .writes(),
    row(
        "exchange/mod.rs::commit",
        "a read that took a minute",
        &[Verb::Apply],
        |stage, answer| {
            let request = open(stage, answer, |_| {});
            stage.given.pass(MINUTE);
            commit(request)
        },
    ),
    row(
        "exchange/mod.rs::commit",
        "a new id",
        &[Verb::Rename],
        |stage, answer| {
            commit(open(stage, answer, |session| {
                write(session);
                session.change_session_id().unwrap();
            }))
        },
    )
    .writes(),
    row(
        "exchange/mod.rs::commit",
        "a login",
        &[Verb::Rename],
        |stage, answer| {
            commit(open(stage, answer, |session| {
                session.login("ada").unwrap();
                write(session);
            }))
        },
    )
    .writes(),
    row(
        "exchange/mod.rs::commit",
        "a new id and another limit",
        &[Verb::Rename],
        |stage, answer| {
            commit(open(stage, answer, |session| {
                session
                    .set_max_inactive_interval(Some(25 * MINUTE))
                    .unwrap();
                session.change_session_id().unwrap();
            }))
        },
    ),
    row(
        "exchange/mod.rs::commit",
        "a new session",
        &[Verb::Create],
        |stage, answer| {
            let exchange = stage.given.visitor().begin();
            let session = stage
                .given
                .runtime
                .block_on(exchange.handle().session())
                .unwrap();
            session.set_attribute("m", &1).unwrap();
            stage.prepare(answer);
            commit((exchange, session))
        },
    ),
    row(
        "exchange/mod.rs::commit",
        "an end",
        &[Verb::Delete],
        |stage, answer| commit(open(stage, answer, |session| session.logout().unwrap())),
    )
    .ends(),
    row(
        "exchange/mod.rs::commit",
        "an end and a new session",
        &[Verb::Delete, Verb::Create],
        |stage, answer| {
            let (exchange, _) = open(stage, answer, |session| session.invalidate().unwrap());
            let session = stage
                .given
                .runtime
                .block_on(exchange.handle().session())
                .unwrap();
            session.set_attribute("m", &1).unwrap();
            commit((exchange, session))
        },
    )
    .ends(),
    row(
        "exchange/mod.rs::poll_commit",
        "",
        &[Verb::Apply],
        |stage, answer| {
            let (mut exchange, session) = open(stage, answer, write);
            Box::pin(async move {
                let _session = session;
                poll_fn(|cx| exchange.poll_commit(cx)).await.map(drop)
            })
        },
    )
    .writes(),
    row(
        "exchange/mod.rs::finish",
        "",
        &[Verb::Apply],
        |stage, answer| {
            let (exchange, session) = late(stage, answer);
            Box::pin(async move {
                let _session = session;
                exchange.finish().await
            })
        },
    )
    .writes(),
    row(
        "exchange/mod.rs::poll_finish",
        "the last handle is gone",
        &[Verb::Apply],
        |stage, answer| {
            let (mut exchange, session) = late(stage, answer);
            drop(session);
            Box::pin(async move { poll_fn(|cx| exchange.poll_finish(cx)).await })
        },
    )
    .writes(),
    row(
        "exchange/mod.rs::poll_flush",
        "",
        &[Verb::Apply],
        |stage, answer| {
            let (mut exchange, session) = late(stage, answer);
            stage.given.pass(2 * SECOND);
            Box::pin(async move {
                let _session = session;
                poll_fn(|cx| exchange.poll_flush(cx)).await
            })
        },
    )
    .writes(),
    row(
        "exchange/mod.rs::poll_keep_alive",
        "",
        &[Verb::Apply],
        |stage, answer| {
            let (mut exchange, session) = open(stage, answer, |_| {});
            let runtime = stage.given.runtime.clone();
            Box::pin(async move {
                let _session = session;
                poll_fn(|cx| {
                    let kept = exchange.poll_keep_alive(cx);
                    // At every other look a touch is due.
                    runtime.advance(5 * MINUTE);
                    kept
                })
                .await;
                Ok(())
            })
        },
    )
    .endless(),
    row(
        "exchange/body.rs::poll_next",
        "its end",
        &[Verb::Apply],
        |stage, answer| {
            let (exchange, session) = late(stage, answer);
            let mut body = exchange.into_body::<()>(None, None).unwrap();
            Box::pin(async move {
                let _session = session;
                match poll_fn(|cx| body.poll_next(cx, |_| Poll::Ready(None))).await {
                    None => Ok(()),
                    Some(last) => last,
                }
            })
        },
    )
    .writes(),
    row(
        "exchange/body.rs::poll_next",
        "its last frame",
        &[Verb::Apply],
        |stage, answer| {
            let (exchange, session) = late(stage, answer);
            let mut body = exchange.into_body(Some(1), None).unwrap();
            let frame = BodyFrame {
                frame: (),
                bytes: 1,
                is_last: false,
            };
            Box::pin(async move {
                let _session = session;
                let last = poll_fn(|cx| body.poll_next(cx, |_| Poll::Ready(Some(Ok(frame)))));
                last.await.expect("there is a frame")
            })
        },
    )
    .writes(),
    row(
        "session/handle.rs::save",
        "a change",
        &[Verb::Apply],
        |stage, answer| save(open(stage, answer, write)),
    )
    .writes(),
    row(
        "session/handle.rs::save",
        "a new id",
        &[Verb::Rename],
        |stage, answer| {
            save(open(stage, answer, |session| {
                write(session);
                session.change_session_id().unwrap();
            }))
        },
    )
    .writes(),
    row(
        "session/handle.rs::save",
        "an end",
        &[Verb::Delete],
        |stage, answer| save(open(stage, answer, |session| session.invalidate().unwrap())),
    )
    .ends(),
];
