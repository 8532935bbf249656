//! A token that travels in a header of its own, for clients that are no browsers.

use crate::SessionManagerBuilder;
use crate::testkit::adapter::stage::Stage;

pub(super) fn in_a_header(builder: SessionManagerBuilder) -> SessionManagerBuilder {
    builder.token_header("X-Auth-Token")
}

pub(super) fn a_header_carries_the_token(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.get("/session/new/get:cart");
    ada.post("/session/set:cart=book/vary:Accept-Language");
    ada.get("/session/new/get:cart");
    stage.tell("A cookie is no session here.");
    let cookie = ada.cookie(&ada.token());
    ada.get_with("/existing/get:cart", &[cookie]);
    let mut old = ada.tab("somebody with the old id");
    ada.post("/session/login:ada");
    ada.get("/existing/whoami/get:cart");
    old.post("/session/set:cart=pen");
    stage.tell("A session that has ended is an empty value.");
    let mut thief = ada.tab("a thief");
    ada.post("/session/logout");
    thief.get("/existing/whoami");
    let mut body = ada.open(
        "POST",
        "/session/set:chat=begun/stream/say:one/wait/set:chat=whole",
    );
    ada.read(&mut body, "one");
    ada.go_on();
    ada.read_rest(body);
    ada.get("/existing/get:chat");
}
