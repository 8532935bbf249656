//! How a session begins, and how it is used.

use crate::SessionManagerBuilder;
use crate::testkit::adapter::stage::Stage;

pub(super) fn a_session_begins_with_its_first_write(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    stage.tell("A page that is no business of the session knows nothing of it.");
    ada.get("/untouched/say:welcome");
    stage.tell("A visitor who only reads gets no cookie, and the store is not asked.");
    ada.get("/existing/get:cart");
    ada.get("/session/new/get:cart");
    stage.tell("The first write stores a session and sends its cookie, once.");
    ada.post("/session/set:cart=book");
    ada.get("/session/new/get:cart");
    ada.get("/existing/get:cart");
    stage.tell("A page that is no business of the session costs nothing with a cookie either.");
    ada.get("/untouched/say:welcome");
}

pub(super) fn what_is_written_is_read_by_the_next_request(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    ada.post("/session/set:cart=pen/set:colour=blue/get:cart");
    ada.get("/existing/get:cart/get:colour");
    stage.tell("What is stored already is not stored again.");
    ada.post("/session/set:cart=pen");
    ada.post("/existing/remove:colour");
    ada.get("/session/get:cart/get:colour");
    stage.tell("A save in the handler is seen by others at once.");
    let mut other = ada.tab("ada, another tab");
    let saving = ada.start("POST", "/session/set:cart=ink/save/wait/set:colour=red");
    other.get("/session/get:cart/get:colour");
    ada.finish(saving);
    other.get("/session/get:cart/get:colour");
}

pub(super) fn a_look_is_no_access_and_leaves_no_trace(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.get("/exchange/peek:cart");
    ada.post("/exchange/open/set:cart=book");
    ada.get("/exchange/peek:cart");
    ada.get("/exchange/say:nobody_asked");
}

pub(super) fn visitors_who_share_a_connection_share_nothing_else(stage: &Stage) {
    let (mut ada, mut bert) = (stage.visitor("ada"), stage.visitor("bert"));
    ada.post("/session/set:cart=book");
    bert.get("/session/new/get:cart");
    bert.post("/session/set:cart=pen");
    ada.get("/session/get:cart");
    stage.visitor("a stranger").get("/existing/get:cart");
    bert.get("/session/get:cart");
}

pub(super) fn not_for_reading_a_file(builder: SessionManagerBuilder) -> SessionManagerBuilder {
    builder.skip_when(|facts| facts.method() == "GET" && facts.path().ends_with("/say:file"))
}

pub(super) fn where_sessions_are_switched_off_there_is_none(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    stage.tell("It depends on method and path: here on GET, and on say:file at the end.");
    ada.get("/existing/get:cart/say:file");
    ada.get("/session/get:cart/say:file");
    ada.post("/session/get:cart/say:file");
    ada.get("/session/say:file/get:cart");
}
