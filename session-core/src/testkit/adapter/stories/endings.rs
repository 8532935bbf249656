//! How a session ends.

use std::time::Duration;

use crate::SessionManagerBuilder;
use crate::testkit::adapter::stage::Stage;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn a_logout_is_final(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book/login:ada");
    let mut thief = ada.tab("a thief");
    ada.post("/session/logout");
    ada.get("/session/whoami/get:cart");
    stage.tell("The id is worth nothing to whoever has kept it.");
    thief.get("/session/whoami/get:cart");
    thief.get("/existing/get:cart");
    stage.tell("A write begins a session that has nothing in common with the one before.");
    thief.post("/session/set:cart=pen");
    thief.get("/session/whoami/get:cart");
}

pub(super) fn a_fresh_session_may_follow_in_the_same_request(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book/set:colour=blue");
    let mut old = ada.tab("somebody with the old id");
    ada.post("/exchange/open/invalidate/open/set:cart=pen");
    ada.get("/session/get:cart/get:colour");
    old.get("/existing/get:cart");
    stage.tell("An ended session can be used no more by its handler.");
    ada.post("/session/invalidate/set:cart=ink");
    ada.get("/existing/get:cart");
}

pub(super) fn an_idle_session_expires(stage: &Stage) {
    // How often an access is recorded is the store's business.
    stage.leave_store_calls_out();
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    stage.pass(29 * MINUTE);
    ada.get("/session/get:cart");
    stage.tell("Whoever uses a session keeps it; a page that does not, does not.");
    stage.pass(29 * MINUTE);
    ada.get("/untouched/say:welcome");
    stage.pass(MINUTE);
    ada.get("/session/get:cart");
    ada.get("/existing/get:cart");
    ada.post("/session/set:cart=pen");
    ada.get("/session/get:cart");
}

pub(super) fn an_hour_at_most(builder: SessionManagerBuilder) -> SessionManagerBuilder {
    builder.absolute_timeout(60 * MINUTE).max_age(90 * MINUTE)
}

pub(super) fn no_activity_outlives_the_absolute_limit(stage: &Stage) {
    stage.leave_store_calls_out();
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    stage.pass(25 * MINUTE);
    ada.get("/session/get:cart");
    stage.pass(25 * MINUTE);
    ada.get("/session/get:cart");
    stage.pass(10 * MINUTE);
    ada.get("/session/get:cart");
}
