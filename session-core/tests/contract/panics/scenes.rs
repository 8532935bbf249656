//! What visitors and tasks do while something panics.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use session_core::testkit::{Headers, Visitor};
use session_core::{BodyFrame, Exchange, Session, SessionError};

use super::Callback;
use super::fused::{Fused, Number, Stage};
use crate::given::MINUTE;

pub(super) struct Scene {
    pub(super) name: &'static str,
    /// It makes both attributes of Ada's session 2.
    pub(super) writes: bool,
    /// It ends her session.
    pub(super) ends: bool,
    pub(super) play: fn(&mut Stage) -> Result<(), SessionError>,
}

const fn writes(name: &'static str, play: fn(&mut Stage) -> Result<(), SessionError>) -> Scene {
    Scene {
        name,
        writes: true,
        ends: false,
        play,
    }
}

const fn ends(name: &'static str, play: fn(&mut Stage) -> Result<(), SessionError>) -> Scene {
    Scene {
        name,
        writes: false,
        ends: true,
        play,
    }
}

pub(super) const SCENES: &[Scene] = &[
    writes("a request that writes", |stage| {
        let (mut exchange, session) = open(stage)?;
        update(stage, &session)?;
        drop(session);
        answer(stage, &mut exchange)?;
        stage.runtime.block_on(exchange.finish())
    }),
    writes("a request that loses the race", |stage| {
        let (mut exchange, session) = open(stage)?;
        update(stage, &session)?;
        let mut other = stage.ada.clone();
        stage.visit(&mut other, |session| session.set_attribute("other", &1))?;
        stage.visit(&mut other, |session| {
            session.update_attribute("first", |first: &mut i64| *first *= 1)
        })?;
        drop(session);
        // Between two tries time passes.
        let mut commit = Box::pin(exchange.commit());
        let delivery = loop {
            if let Poll::Ready(done) = poll(&mut commit) {
                break done?;
            }
            stage.runtime.advance(crate::given::MILLISECOND);
        };
        drop(commit);
        stage.ada.receive(delivery);
        stage.runtime.block_on(exchange.finish())
    }),
    Scene {
        name: "a first visit",
        // Of somebody else's, and looked into where it is acknowledged.
        writes: false,
        ends: false,
        play: |stage| {
            let mut newcomer = stage.site.visitor();
            let (mut exchange, session) = open_for(stage, &newcomer)?;
            session.set_attribute("first", &Number(2))?;
            session.set_attribute("second", &Number(2))?;
            drop(session);
            newcomer.receive(stage.runtime.block_on(exchange.commit())?);
            stage.runtime.block_on(exchange.finish())?;
            stage.newcomer = Some(newcomer);
            Ok(())
        },
    },
    writes("a login with a write", |stage| {
        let (mut exchange, session) = open(stage)?;
        session.login("ada")?;
        update(stage, &session)?;
        drop(session);
        answer(stage, &mut exchange)?;
        stage.runtime.block_on(exchange.finish())
    }),
    writes("a change of the id with a write", |stage| {
        let (mut exchange, session) = open(stage)?;
        session.change_session_id()?;
        update(stage, &session)?;
        drop(session);
        answer(stage, &mut exchange)?;
        stage.runtime.block_on(exchange.finish())
    }),
    writes("two saves of a handle", |stage| {
        let (mut exchange, session) = open(stage)?;
        session.set_attribute("other", &Number(7))?;
        stage.runtime.block_on(session.save())?;
        update(stage, &session)?;
        stage.runtime.block_on(session.save())?;
        drop(session);
        answer(stage, &mut exchange)?;
        stage.runtime.block_on(exchange.finish())
    }),
    writes("a body that ends", |stage| {
        let (mut exchange, session) = open(stage)?;
        answer(stage, &mut exchange)?;
        update(stage, &session)?;
        let fuse = stage.fuse.clone();
        let mut frames = 1;
        let mut body = exchange.into_body(None, None).expect("a handle is left");
        drop(session);
        stage.runtime.block_on(async {
            loop {
                let frame = poll_fn(|cx| {
                    body.poll_next(cx, |_| {
                        fuse.burn(Callback::Body);
                        let frame = BodyFrame {
                            frame: (),
                            bytes: 1,
                            is_last: false,
                        };
                        frames -= 1;
                        Poll::Ready((frames >= 0).then_some(Ok::<_, SessionError>(frame)))
                    })
                });
                match frame.await {
                    None => return Ok(()),
                    Some(frame) => frame?,
                }
            }
        })
    }),
    Scene {
        name: "a body whose client goes away, of a long request",
        // What becomes of it is told by an event.
        writes: false,
        ends: false,
        play: |stage| {
            let (mut exchange, session) = open(stage)?;
            answer(stage, &mut exchange)?;
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..3 {
                let _ = exchange.poll_keep_alive(&mut context);
                stage.runtime.advance(6 * MINUTE);
            }
            update(stage, &session)?;
            drop(exchange);
            drop(session);
            Ok(())
        },
    },
    writes("an access outside of a request", |stage| {
        let mut ada = stage.ada.clone();
        let accessor = stage.visit(&mut ada, Session::accessor)?;
        let stage = &*stage;
        let access = accessor.access(async |session: Session| {
            update(stage, &session)?;
            stage.fuse.burn(Callback::Access);
            Ok(())
        });
        stage.runtime.block_on(access)
    }),
    ends("a logout, and a new session", |stage| {
        let (mut exchange, session) = open(stage)?;
        session.logout()?;
        let fresh = stage.runtime.block_on(exchange.handle().session())?;
        fresh.set_attribute("fresh", &Number(1))?;
        drop((session, fresh));
        answer(stage, &mut exchange)?;
        stage.runtime.block_on(exchange.finish())
    }),
    ends("an end from outside", |stage| {
        let sessions = stage.site.sessions().clone();
        let runtime = stage.runtime.clone();
        assert_eq!(runtime.block_on(sessions.sessions_of("ada"))?.len(), 1);
        runtime.block_on(sessions.end_sessions_of("ada")).map(drop)
    }),
    Scene {
        name: "a sweep, a census and a look",
        writes: false,
        ends: false,
        play: |stage| {
            let sessions = stage.site.sessions().clone();
            stage.runtime.block_on(sessions.sweep())?;
            stage.runtime.block_on(sessions.census())?;
            let handle = stage.ada.begin().handle();
            stage.runtime.block_on(handle.peek_session()).map(drop)
        },
    },
];

/// Begins a request of Ada's.
fn open(stage: &Stage) -> Result<(Exchange, Session), SessionError> {
    open_for(stage, &stage.ada)
}

fn open_for(stage: &Stage, visitor: &Visitor) -> Result<(Exchange, Session), SessionError> {
    let facts = Fused(visitor.request(), stage.fuse.clone());
    let exchange = stage.site.sessions().begin(&facts);
    let session = stage.runtime.block_on(exchange.handle().session())?;
    Ok((exchange, session))
}

/// Makes both attributes 2.
fn update(stage: &Stage, session: &Session) -> Result<(), SessionError> {
    let fuse = stage.fuse.clone();
    session.update_attribute("first", move |first: &mut Number| {
        fuse.burn(Callback::Update);
        first.0 = 2;
    })?;
    let fuse = stage.fuse.clone();
    session.update_attribute("unseen", move |_: &mut Number| fuse.burn(Callback::Update))?;
    session.append_attribute("list", &Number(1))?;
    session.set_attribute("second", &Number(2))
}

/// Commits before the head, and writes it.
fn answer(stage: &mut Stage, exchange: &mut Exchange) -> Result<(), SessionError> {
    let delivery = stage.runtime.block_on(exchange.commit())?;
    let mut headers = Fused(Headers::default(), stage.fuse.clone());
    delivery.write_to(&mut headers);
    Ok(())
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
