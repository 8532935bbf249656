//! The futures of a request: opening its session, committing, saving, ending.

use std::future::poll_fn;
use std::task::Poll;

use session_core::testkit::Verb;
use session_core::{BodyFrame, Exchange, ExchangeHandle, Session, SessionError};

use super::rows::{Row, commit, keeping, late, open, row, save, write};
use super::{Answer, Attempt, Stage};
use crate::given::{MINUTE, SECOND};

pub(super) const REQUESTS: &[Row] = &[
    row("exchange/handle.rs::session", |stage, answer| {
        ask(stage, answer, async |it| it.session().await.map(drop))
    })
    .calls(&[Verb::Load]),
    row("exchange/handle.rs::existing_session", |stage, answer| {
        ask(stage, answer, async |it| {
            it.existing_session().await.map(drop)
        })
    })
    .calls(&[Verb::Load]),
    row(
        "exchange/handle.rs::is_requested_session_id_valid",
        |stage, answer| {
            ask(stage, answer, async |it| {
                it.is_requested_session_id_valid().await.map(drop)
            })
        },
    )
    .calls(&[Verb::Load]),
    row("exchange/handle.rs::peek_session", |stage, answer| {
        ask(stage, answer, async |it| it.peek_session().await.map(drop))
    })
    .calls(&[Verb::Load]),
    row("exchange/mod.rs::commit", |stage, answer| {
        commit(open(stage, answer, write))
    })
    .case("a change")
    .calls(&[Verb::Apply])
    .writes(),
    row("exchange/mod.rs::commit", |stage, answer| {
        let request = open(stage, answer, |_| {});
        stage.given.pass(MINUTE);
        commit(request)
    })
    .case("a read that took a minute")
    .calls(&[Verb::Apply]),
    row("exchange/mod.rs::commit", |stage, answer| {
        commit(open(stage, answer, write_and_renew))
    })
    .case("a new id")
    .calls(&[Verb::Rename])
    .writes(),
    row("exchange/mod.rs::commit", |stage, answer| {
        commit(open(stage, answer, |session| {
            session.login("ada").unwrap();
            write(session);
        }))
    })
    .case("a login")
    .calls(&[Verb::Rename])
    .writes(),
    row("exchange/mod.rs::commit", |stage, answer| {
        commit(open(stage, answer, |session| {
            session
                .set_max_inactive_interval(Some(25 * MINUTE))
                .unwrap();
            session.change_session_id().unwrap();
        }))
    })
    .case("a new id and another limit")
    .calls(&[Verb::Rename]),
    row("exchange/mod.rs::commit", |stage, answer| {
        let exchange = stage.given.visitor().begin();
        let session = fresh(stage, &exchange);
        stage.prepare(answer);
        commit((exchange, session))
    })
    .case("a new session")
    .calls(&[Verb::Create]),
    row("exchange/mod.rs::commit", |stage, answer| {
        commit(open(stage, answer, |session| session.logout().unwrap()))
    })
    .case("an end")
    .calls(&[Verb::Delete])
    .ends(),
    row("exchange/mod.rs::commit", |stage, answer| {
        let (exchange, _) = open(stage, answer, |session| session.invalidate().unwrap());
        let session = fresh(stage, &exchange);
        commit((exchange, session))
    })
    .case("an end and a new session")
    .calls(&[Verb::Delete, Verb::Create])
    .ends(),
    row("exchange/mod.rs::poll_commit", |stage, answer| {
        let (mut exchange, session) = open(stage, answer, write);
        keeping(session, async move {
            poll_fn(|cx| exchange.poll_commit(cx)).await.map(drop)
        })
    })
    .calls(&[Verb::Apply])
    .writes(),
    row("exchange/mod.rs::finish", |stage, answer| {
        let (exchange, session) = late(stage, answer);
        keeping(session, exchange.finish())
    })
    .calls(&[Verb::Apply])
    .writes(),
    row("exchange/mod.rs::poll_finish", |stage, answer| {
        let (mut exchange, session) = late(stage, answer);
        drop(session);
        Box::pin(poll_fn(move |cx| exchange.poll_finish(cx)))
    })
    .case("the last handle is gone")
    .calls(&[Verb::Apply])
    .writes(),
    row("exchange/mod.rs::poll_flush", |stage, answer| {
        let (mut exchange, session) = late(stage, answer);
        stage.given.pass(2 * SECOND);
        keeping(session, poll_fn(move |cx| exchange.poll_flush(cx)))
    })
    .calls(&[Verb::Apply])
    .writes(),
    row("exchange/mod.rs::poll_keep_alive", |stage, answer| {
        let (mut exchange, session) = open(stage, answer, |_| {});
        let runtime = stage.given.runtime.clone();
        let kept = poll_fn(move |cx| {
            let kept = exchange.poll_keep_alive(cx);
            // At every other look a touch is due.
            runtime.advance(5 * MINUTE);
            kept.map(Ok)
        });
        keeping(session, kept)
    })
    .calls(&[Verb::Apply])
    .endless(),
    row("exchange/body.rs::poll_next", |stage, answer| {
        let (exchange, session) = late(stage, answer);
        let mut body = exchange.into_body::<()>(None, None).unwrap();
        keeping(session, async move {
            let end = poll_fn(|cx| body.poll_next(cx, |_| Poll::Ready(None)));
            end.await.unwrap_or(Ok(()))
        })
    })
    .case("its end")
    .calls(&[Verb::Apply])
    .writes(),
    row("exchange/body.rs::poll_next", |stage, answer| {
        let (exchange, session) = late(stage, answer);
        let mut body = exchange.into_body(Some(1), None).unwrap();
        let frame = BodyFrame {
            frame: (),
            bytes: 1,
            is_last: false,
        };
        keeping(session, async move {
            let last = poll_fn(|cx| body.poll_next(cx, |_| Poll::Ready(Some(Ok(frame)))));
            last.await.expect("there is a frame")
        })
    })
    .case("its last frame")
    .calls(&[Verb::Apply])
    .writes(),
    row("session/handle.rs::save", |stage, answer| {
        save(open(stage, answer, write))
    })
    .case("a change")
    .calls(&[Verb::Apply])
    .writes(),
    row("session/handle.rs::save", |stage, answer| {
        save(open(stage, answer, write_and_renew))
    })
    .case("a new id")
    .calls(&[Verb::Rename])
    .writes(),
    row("session/handle.rs::save", |stage, answer| {
        save(open(stage, answer, |session| session.invalidate().unwrap()))
    })
    .case("an end")
    .calls(&[Verb::Delete])
    .ends(),
];

/// Something that is asked of the handle of a request.
fn ask(
    stage: &Stage,
    answer: Answer,
    question: impl AsyncFnOnce(ExchangeHandle) -> Result<(), SessionError> + 'static,
) -> Attempt {
    let handle = stage.ada.begin().handle();
    stage.prepare(answer);
    Box::pin(async move { question(handle).await })
}

fn write_and_renew(session: &Session) {
    write(session);
    session.change_session_id().unwrap();
}

/// A session that is not stored yet.
fn fresh(stage: &Stage, exchange: &Exchange) -> Session {
    let session = exchange.handle().session();
    let session = stage.given.runtime.block_on(session).unwrap();
    session.set_attribute("m", &1).unwrap();
    session
}
