//! The tools for tests: what they print ends up in the logs of continuous integration.

use std::net::SocketAddr;

use session_core::testkit::adapter::{
    Client, Given, Http1, Piece, Probe, ReplyBody, Request, Response, Server, Wire, scenarios,
};
use session_core::testkit::store::{Door, History, rules};
use session_core::testkit::{
    Fault, Faulty, Ledger, LedgerError, ManualRuntime, Recording, SeededEntropy,
};
use session_core::{MemoryStore, SessionError};

use crate::material::{Diary, Material};
use crate::printed::Printed;

pub(crate) async fn print(material: &Material, printed: &mut Printed) {
    printed.debug(&material.site);
    printed.debug(&material.visitor);
    printed.debug(&material.visitor.request());
    printed.debug(material.site.clock());
    printed.debug(&ManualRuntime::new(material.site.clock().clone()));
    printed.debug(&SeededEntropy::new(42));
    printed.debug(&Fault::Foreign);
    printed.debug(&Faulty::new(MemoryStore::new()));
    printed.debug(&Recording::new(MemoryStore::new()));
    let ledger = Ledger::new();
    printed.debug(&ledger.hook::<Diary>());
    printed.debug(&ledger);
    printed.error(&LedgerError::Store(SessionError::Gone));
    printed.error(&ledger.audit(material.site.sessions()).await.unwrap_err());
    printed.debug(&rules()[0]);
    printed.debug(&Door::Awaited);
    printed.debug(&History::of_seed(1));
    of_adapters(material, printed).await;
}

async fn of_adapters(material: &Material, printed: &mut Printed) {
    printed.debug(&scenarios()[0]);
    let handle = material.visitor.begin().handle();
    let session = handle.session().await.unwrap();
    for given in [
        Given::Exchange(handle),
        Given::Existing(Some(session.clone())),
        Given::Session(session),
        Given::Nothing,
    ] {
        printed.debug(&given);
    }
    let probe = Probe::default();
    printed.debug(&probe);
    let session = material.visitor.begin().handle().session().await.unwrap();
    let path = "/session/stream/say:one/set:chat=whole";
    let reply = probe.answer(path, Given::Session(session)).await.unwrap();
    printed.debug(&reply);
    printed.debug(&reply.body);
    let ReplyBody::Stream { frames, .. } = reply.body else {
        panic!("a stream is answered");
    };
    printed.debug(&frames);
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    printed.debug(&Http1);
    printed.debug(&Server::new(nobody, || {}));
    let client = Http1.client(nobody);
    let request = Request {
        method: "GET",
        path: "/".into(),
        headers: vec![("cookie".into(), format!("__Host-sid={}", material.token()))],
    };
    printed.debug(&request);
    assert!(Client::send(&*client, &request).is_err());
    printed.debug(&Piece::End);
    printed.debug(&Response {
        status: 200,
        headers: vec![("set-cookie".into(), material.token())],
        body: Box::new(NoBody),
    });
}

struct NoBody;

impl session_core::testkit::adapter::Body for NoBody {
    fn next(&mut self) -> Piece {
        Piece::End
    }
}
