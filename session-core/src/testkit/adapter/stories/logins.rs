//! What becomes of the id at a login and at a rotation.

use std::time::Duration;

use crate::testkit::adapter::stage::Stage;

pub(super) fn a_login_changes_the_id_and_keeps_the_rest(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    let mut thief = ada.tab("a thief with the first id");
    ada.post("/session/login:ada/whoami");
    ada.get("/session/whoami/get:cart");
    thief.get("/session/whoami/get:cart");
    stage.tell("A login may also be the first thing that a session is for.");
    let mut bert = stage.visitor("bert");
    bert.post("/session/login:bert");
    bert.get("/existing/whoami");
}

pub(super) fn a_rotation_leaves_exactly_one_id(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    let mut old = ada.tab("somebody with the old id");
    ada.post("/session/rotate/set:cart=pen");
    ada.get("/session/get:cart");
    old.get("/existing/get:cart");
}

pub(super) fn an_old_id_cannot_start_a_session_for_a_while(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    let mut old = ada.tab("ada, another tab");
    ada.post("/session/rotate");
    stage.tell(
        "A request under the old id reads nothing; a write is refused, since its cookie would\n\
         overwrite the fresh one that is on its way to the same browser.",
    );
    old.get("/session/get:cart");
    old.post("/session/set:cart=pen");
    ada.get("/session/get:cart");
    stage.tell("Later on nothing is on its way any more.");
    stage.pass(Duration::from_secs(30));
    old.get("/session/get:cart");
    old.post("/session/set:cart=pen");
    old.get("/session/get:cart");
    ada.get("/session/get:cart");
}
