//! The application of the scenarios on actix-web, and its server, with two workers.

use std::thread;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ReqData};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use adapter_actix::{ExistingSession, Rejection, Session, SessionMiddleware};
use futures_util::StreamExt;
use session_core::testkit::adapter::{Given, Probe, Reply, ReplyBody, Server};
use session_core::{ExchangeHandle, SessionError, SessionManager};

pub(crate) fn serve(sessions: SessionManager, probe: Probe) -> Server {
    let (started, starting) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        rt::System::new().block_on(async move {
            let middleware = SessionMiddleware::new(sessions);
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(Data::new(probe.clone()))
                    .wrap(middleware.clone())
                    .route("/session/{steps:.*}", web::route().to(session))
                    .route("/existing/{steps:.*}", web::route().to(existing))
                    .route("/exchange/{steps:.*}", web::route().to(exchange))
                    .default_service(web::route().to(untouched))
            })
            .workers(2)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .expect("a port is free");
            let address = server.addrs()[0];
            let server = server.run();
            started
                .send((address, server.handle()))
                .expect("the test waits");
            server.await
        })
    });
    let (address, handle) = starting.recv().expect("the server starts");
    Server::new(address, move || {
        // The order is given at once; the answer comes when the server has ended.
        drop(handle.stop(false));
        let ended = server.join().expect("the server does not panic");
        ended.expect("the server ends well");
    })
}

type Answer = Result<HttpResponse, Rejection>;

async fn session(probe: Data<Probe>, request: HttpRequest, session: Session) -> Answer {
    let given = Given::Session(session.into_inner());
    respond(probe.answer(request.path(), given).await)
}

async fn existing(
    probe: Data<Probe>,
    request: HttpRequest,
    ExistingSession(session): ExistingSession,
) -> Answer {
    let given = Given::Existing(session.map(Session::into_inner));
    respond(probe.answer(request.path(), given).await)
}

async fn exchange(
    probe: Data<Probe>,
    request: HttpRequest,
    handle: ReqData<ExchangeHandle>,
) -> Answer {
    let given = Given::Exchange(handle.into_inner());
    respond(probe.answer(request.path(), given).await)
}

async fn untouched(probe: Data<Probe>, request: HttpRequest) -> Answer {
    respond(probe.answer(request.path(), Given::Nothing).await)
}

fn respond(reply: Result<Reply, SessionError>) -> Answer {
    let reply = reply?;
    let status = StatusCode::from_u16(reply.status).expect("a status");
    let mut response = HttpResponse::build(status);
    for line in reply.headers {
        response.append_header(line);
    }
    Ok(match reply.body {
        ReplyBody::Text(text) => response.body(text),
        ReplyBody::Stream { frames, length } => {
            if let Some(length) = length {
                response.no_chunking(length);
            }
            response.streaming(frames.map(|frame| frame.map(Bytes::from)))
        }
    })
}
