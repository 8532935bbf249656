//! A store that cannot be reached.

use crate::testkit::adapter::stage::Stage;

pub(super) fn an_outage_ends_no_session(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book/login:ada");
    stage.break_the_store_down();
    stage.tell("Whoever has a session is not told that there is none, and keeps the cookie.");
    ada.get("/session/whoami");
    ada.get("/existing/whoami");
    ada.get("/exchange/open/whoami");
    ada.get("/untouched/say:welcome");
    stage.tell("Whoever has none can still read.");
    stage.visitor("bert").get("/session/get:cart");
    stage.repair_the_store();
    ada.get("/session/whoami/get:cart");
}

pub(super) fn a_response_whose_session_is_not_stored_is_replaced(stage: &Stage) {
    let (mut ada, mut bert) = (stage.visitor("ada"), stage.visitor("bert"));
    ada.post("/session/set:cart=book");
    let request = ada.start(
        "POST",
        "/session/wait/set:cart=pen/say:stored/cookie:order=placed/cache:public",
    );
    stage.break_the_store_down();
    ada.finish(request);
    stage.tell("Nor does a new session get a cookie that would lead nowhere.");
    bert.post("/session/set:cart=ink/say:stored");
    stage.repair_the_store();
    ada.get("/session/get:cart");
    bert.post("/session/set:cart=ink/say:stored");
}

pub(super) fn a_client_is_told_of_what_was_saved_before_the_outage(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    let request = ada.start("POST", "/session/set:cart=book/save/wait/set:cart=pen");
    stage.break_the_store_down();
    ada.finish(request);
    stage.repair_the_store();
    ada.get("/session/get:cart");
}

pub(super) fn a_body_whose_session_is_not_stored_breaks_off(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:chat=begun");
    let mut body = ada.open("GET", "/session/stream/say:one/wait/set:chat=whole");
    ada.read(&mut body, "one");
    stage.show_store_calls();
    stage.break_the_store_down();
    ada.go_on();
    ada.read_rest(body);
    stage.repair_the_store();
    ada.get("/session/get:chat");
}
