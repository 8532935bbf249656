//! Several requests of one session at the same time. Only what does not depend on which of them
//! was faster stands in the transcripts.

use crate::testkit::adapter::stage::Stage;

pub(super) fn parallel_updates_are_all_kept(stage: &Stage) {
    // Who has to try again depends on who was faster.
    stage.leave_store_calls_out();
    let mut ada = stage.visitor("ada");
    ada.post("/session/count:visits");
    stage.tell("All of them have read the same number before the first one adds to it.");
    ada.send_at_once(8, "POST", "/session/wait/count:visits");
    ada.get("/session/number:visits");
}

pub(super) fn a_slow_request_follows_its_session_to_another_id(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    let mut slow = ada.tab("ada, a slow tab");
    let request = slow.start("POST", "/session/get:cart/wait/set:colour=blue");
    ada.post("/session/login:ada");
    stage.tell(
        "The slow request loaded the session before: what it writes is kept, and it\n\
         sends no cookie, since a newer one is in the browser.",
    );
    slow.finish(request);
    ada.get("/session/whoami/get:cart/get:colour");
}

pub(super) fn a_slow_request_revives_nothing(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    let mut slow = ada.tab("ada, a slow tab");
    let request = slow.start("POST", "/session/get:cart/wait/set:colour=blue");
    ada.post("/session/logout");
    slow.finish(request);
    slow.get("/existing/get:colour");
    stage.tell("Nor does a body.");
    let mut bert = stage.visitor("bert");
    bert.post("/session/set:cart=book");
    let mut other = bert.tab("bert, another tab");
    let mut body = bert.open(
        "GET",
        "/session/stream/say:one/wait/set:colour=blue/say:two",
    );
    bert.read(&mut body, "one");
    stage.show_store_calls();
    other.post("/session/logout");
    bert.go_on();
    bert.read_rest(body);
    bert.get("/existing/get:colour");
}
