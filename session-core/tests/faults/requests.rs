//! The requests under which the store goes wrong. [`crate::calls`] has the calls outside of
//! requests.

use std::task::{Context, Waker};

use session_core::testkit::Visitor;
use session_core::{Exchange, ExchangeHandle, LoginOptions, Session, SessionError};

use crate::scene::{MINUTE, Page, Scene, Start, keep, shown};

/// A request, or a call outside of one.
pub(crate) struct Request {
    /// As the table calls it.
    pub(crate) name: &'static str,
    pub(crate) start: Start,
    pub(crate) wants: Wants,
    pub(crate) play: fn(&Scene, &mut Visitor) -> Page,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// It has no business with its session.
    Nothing,
    /// To see what there is.
    ToRead,
    /// To change data.
    ToWrite,
    /// To have another id.
    AnotherId,
    /// To end the session.
    ToEnd,
    /// To write to a session that another request ends.
    ToWriteTooLate,
    /// To look after sessions from outside of them.
    ToManage,
}

const fn request(
    name: &'static str,
    start: Start,
    wants: Wants,
    play: fn(&Scene, &mut Visitor) -> Page,
) -> Request {
    Request {
        name,
        start,
        wants,
        play,
    }
}

pub(crate) const REQUESTS: &[Request] = &[
    request(
        "a first visit that reads",
        Start::Nobody,
        Wants::ToRead,
        |scene, ada| visit(scene, ada, |_| Ok(())),
    ),
    request(
        "a first visit that writes",
        Start::Nobody,
        Wants::ToWrite,
        |scene, ada| visit(scene, ada, |session| session.set_attribute("n", &2)),
    ),
    request(
        "a first visit that logs in",
        Start::Nobody,
        Wants::ToWrite,
        |scene, ada| visit(scene, ada, |session| session.login("ada")),
    ),
    request(
        "a request that does not use its session",
        Start::LoggedIn,
        Wants::Nothing,
        |scene, ada| {
            let exchange = ada.begin();
            scene.respond(ada, exchange, Ok(None), |_| Ok(()))
        },
    ),
    request(
        "a request for which sessions are switched off",
        Start::LoggedIn,
        Wants::Nothing,
        |scene, ada| {
            let mut request = ada.request();
            request.path = "/skipped".into();
            let exchange = scene.site.sessions().begin(&request);
            scene.respond(ada, exchange, Ok(None), |_| Ok(()))
        },
    ),
    request("a read", Start::LoggedIn, Wants::ToRead, |scene, ada| {
        visit(scene, ada, |_| Ok(()))
    }),
    request(
        "a question whether there is a session",
        Start::LoggedIn,
        Wants::ToRead,
        |scene, ada| {
            ask(scene, ada, |handle| {
                match scene.run(handle.existing_session())? {
                    Some(session) => look(&session),
                    None => Ok(shown(None, None, None)),
                }
            })
        },
    ),
    request(
        "a look that is no access",
        Start::LoggedIn,
        Wants::ToRead,
        |scene, ada| {
            ask(scene, ada, |handle| {
                match scene.run(handle.peek_session())? {
                    Some(view) => {
                        let n = view.get_attribute("n")?;
                        Ok(shown(n, None, view.principal().as_deref()))
                    }
                    None => Ok(shown(None, None, None)),
                }
            })
        },
    ),
    request(
        "a question whether the id is valid",
        Start::LoggedIn,
        Wants::ToRead,
        |scene, ada| {
            ask(scene, ada, |handle| {
                let is_valid = scene.run(handle.is_requested_session_id_valid())?;
                Ok(if is_valid { "valid" } else { "nobody" }.into())
            })
        },
    ),
    request(
        "a read with an older cookie beside the good one",
        Start::LoggedIn,
        Wants::ToRead,
        |scene, ada| {
            let mut older = ada.request();
            let mut stranger = scene.quiet.visitor();
            scene.meanwhile(&mut stranger, |session| session.set_attribute("n", &7));
            let gone = stranger.request();
            scene.meanwhile(&mut stranger, Session::invalidate);
            older.cookies.splice(0..0, gone.cookies);
            older.headers.splice(0..0, gone.headers);
            let exchange = scene.site.sessions().begin(&older);
            visit_by(scene, ada, exchange, |_| Ok(()))
        },
    ),
    request("a write", Start::LoggedIn, Wants::ToWrite, |scene, ada| {
        visit(scene, ada, |session| session.set_attribute("n", &2))
    }),
    request(
        "an append",
        Start::LoggedIn,
        Wants::ToWrite,
        |scene, ada| visit(scene, ada, |session| session.append_attribute("items", &2)),
    ),
    request(
        "an update that another request is faster than",
        Start::LoggedIn,
        Wants::ToWrite,
        |scene, ada| {
            let mut tab = ada.clone();
            visit(scene, ada, |session| {
                session.update_attribute("n", |n: &mut i64| *n += 1)?;
                scene.meanwhile(&mut tab, |tab| tab.set_attribute("n", &10));
                Ok(())
            })
        },
    ),
    request(
        "a write with `save` and a look at what is stored",
        Start::LoggedIn,
        Wants::ToWrite,
        |scene, ada| {
            ask(scene, ada, |handle| {
                let session = scene.run(handle.session())?;
                session.set_attribute("n", &2)?;
                scene.run(session.save())?;
                look(&session)
            })
        },
    ),
    request(
        "a write with `save`, and another write",
        Start::LoggedIn,
        Wants::ToWrite,
        |scene, ada| {
            visit(scene, ada, |session| {
                session.set_attribute("n", &2)?;
                scene.run(session.save())?;
                session.set_attribute("n", &3)
            })
        },
    ),
    request(
        "a first write with `save`, and another write",
        Start::Nobody,
        Wants::ToWrite,
        |scene, ada| {
            visit(scene, ada, |session| {
                session.set_attribute("n", &2)?;
                scene.run(session.save())?;
                session.set_attribute("n", &3)
            })
        },
    ),
    request(
        "a change of the id",
        Start::LoggedIn,
        Wants::AnotherId,
        |scene, ada| {
            visit(scene, ada, |session| {
                session.change_session_id().map(|_| ())
            })
        },
    ),
    request(
        "a login",
        Start::Anonymous,
        Wants::AnotherId,
        |scene, ada| visit(scene, ada, |session| session.login("ada")),
    ),
    request(
        "a login that is remembered",
        Start::Anonymous,
        Wants::AnotherId,
        |scene, ada| {
            let login = LoginOptions::of("ada").remember_for(MINUTE * 60 * 24);
            visit(scene, ada, |session| session.login(login))
        },
    ),
    request(
        "a login over somebody else's",
        Start::LoggedIn,
        Wants::AnotherId,
        |scene, ada| visit(scene, ada, |session| session.login("eve")),
    ),
    request("a logout", Start::LoggedIn, Wants::ToEnd, |scene, ada| {
        visit(scene, ada, Session::logout)
    }),
    request(
        "an `invalidate` with a fresh session after it",
        Start::LoggedIn,
        Wants::ToEnd,
        |scene, ada| {
            let exchange = ada.begin();
            let handle = exchange.handle();
            let begun_anew = move |session: &Session| {
                session.invalidate()?;
                let fresh = scene.run(handle.session())?;
                fresh.set_attribute("n", &2)
            };
            visit_by(scene, ada, exchange, begun_anew)
        },
    ),
    request(
        "a write in a body",
        Start::LoggedIn,
        Wants::ToWrite,
        |scene, ada| {
            let exchange = ada.begin();
            let session = match scene.run(exchange.handle().session()) {
                Ok(session) => session,
                Err(error) => return scene.respond(ada, exchange, Err(error), |_| Ok(())),
            };
            let saw = look(&session).unwrap();
            let stream = |session: &Session| session.set_attribute("n", &2);
            let page = scene.respond(ada, exchange, Ok(Some(session)), stream);
            Page { saw, ..page }
        },
    ),
    request(
        "a write in a body whose client goes away",
        Start::LoggedIn,
        Wants::ToWrite,
        |scene, ada| {
            let mut exchange = ada.begin();
            let session = match scene.run(exchange.handle().session()) {
                Ok(session) => session,
                Err(error) => return scene.respond(ada, exchange, Err(error), |_| Ok(())),
            };
            let mut page = Page {
                status: 200,
                saw: look(&session).unwrap(),
                ..Page::default()
            };
            match scene.run(exchange.commit()) {
                Ok(delivery) => keep(&mut page, ada, delivery),
                Err(error) => {
                    page.status = error.status();
                    return page;
                }
            }
            // Where there is no session, none can begin now.
            let _ = session.set_attribute("n", &2);
            drop(exchange);
            drop(session);
            page
        },
    ),
    request(
        "a request of a quarter of an hour",
        Start::LoggedIn,
        Wants::ToRead,
        |scene, ada| {
            let mut exchange = ada.begin();
            let opened = scene.run(exchange.handle().session());
            for _ in 0..15 {
                let _ = exchange.poll_keep_alive(&mut Context::from_waker(Waker::noop()));
                scene.pass(MINUTE);
            }
            let session = match opened {
                Ok(session) => session,
                Err(error) => return scene.respond(ada, exchange, Err(error), |_| Ok(())),
            };
            let saw = look(&session).unwrap();
            let page = scene.respond(ada, exchange, Ok(Some(session)), |_| Ok(()));
            Page { saw, ..page }
        },
    ),
    request(
        "a write while another request changes the id",
        Start::LoggedIn,
        Wants::ToWrite,
        |scene, ada| {
            let exchange = ada.begin();
            let session = scene.run(exchange.handle().session());
            scene.meanwhile(ada, |tab| tab.change_session_id().map(|_| ()));
            finish(scene, ada, exchange, session, |session| {
                session.set_attribute("n", &2)
            })
        },
    ),
    request(
        "a logout while another request changes the id",
        Start::LoggedIn,
        Wants::ToEnd,
        |scene, ada| {
            let exchange = ada.begin();
            let session = scene.run(exchange.handle().session());
            scene.meanwhile(ada, |tab| tab.change_session_id().map(|_| ()));
            finish(scene, ada, exchange, session, Session::logout)
        },
    ),
    request(
        "a change of the id while another request changes it",
        Start::LoggedIn,
        Wants::AnotherId,
        |scene, ada| {
            let exchange = ada.begin();
            let session = scene.run(exchange.handle().session());
            scene.meanwhile(ada, |tab| tab.change_session_id().map(|_| ()));
            finish(scene, ada, exchange, session, |session| {
                session.change_session_id().map(|_| ())
            })
        },
    ),
    request(
        "a write while another request logs out",
        Start::LoggedIn,
        Wants::ToWriteTooLate,
        |scene, ada| {
            let exchange = ada.begin();
            let session = scene.run(exchange.handle().session());
            let mut tab = ada.clone();
            scene.meanwhile(&mut tab, Session::logout);
            finish(scene, ada, exchange, session, |session| {
                session.set_attribute("n", &2)
            })
        },
    ),
];

/// A request whose handler gets its session and looks at it first.
fn visit(
    scene: &Scene,
    visitor: &mut Visitor,
    handler: impl FnOnce(&Session) -> Result<(), SessionError>,
) -> Page {
    let exchange = visitor.begin();
    visit_by(scene, visitor, exchange, handler)
}

fn visit_by(
    scene: &Scene,
    visitor: &mut Visitor,
    exchange: Exchange,
    handler: impl FnOnce(&Session) -> Result<(), SessionError>,
) -> Page {
    let session = scene.run(exchange.handle().session());
    finish(scene, visitor, exchange, session, handler)
}

/// The rest of a request that has its session already, or could not have it.
fn finish(
    scene: &Scene,
    visitor: &mut Visitor,
    exchange: Exchange,
    session: Result<Session, SessionError>,
    handler: impl FnOnce(&Session) -> Result<(), SessionError>,
) -> Page {
    let mut saw = String::new();
    let handled = session.and_then(|session| {
        saw = look(&session)?;
        handler(&session)?;
        // The handler is done with it before the response is made.
        Ok(None)
    });
    let page = scene.respond(visitor, exchange, handled, |_| Ok(()));
    Page { saw, ..page }
}

/// A request whose handler takes what it needs by itself, and answers what it saw.
fn ask(
    scene: &Scene,
    visitor: &mut Visitor,
    handler: impl FnOnce(ExchangeHandle) -> Result<String, SessionError>,
) -> Page {
    let exchange = visitor.begin();
    let (saw, handled) = match handler(exchange.handle()) {
        Ok(saw) => (saw, Ok(None)),
        Err(error) => (String::new(), Err(error)),
    };
    let page = scene.respond(visitor, exchange, handled, |_| Ok(()));
    Page { saw, ..page }
}

/// What a handler shows of its session.
fn look(session: &Session) -> Result<String, SessionError> {
    let n = session.get_attribute("n")?;
    let items = session.get_attribute("items")?;
    Ok(shown(n, items, session.principal()?.as_deref()))
}
