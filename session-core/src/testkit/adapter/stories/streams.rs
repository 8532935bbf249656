//! Bodies that write to the session while they are sent.

use crate::testkit::adapter::stage::Stage;

pub(super) fn what_a_body_writes_is_stored_before_its_end_is_seen(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    stage.tell("The cookie of a new session is in the head, before the body is made.");
    let mut body = ada.open(
        "POST",
        "/session/set:chat=begun/stream/say:one/wait/set:chat=half/say:two/wait/set:chat=whole",
    );
    ada.read(&mut body, "one");
    stage.show_store_calls();
    let mut other = ada.tab("ada, another tab");
    other.get("/session/get:chat");
    ada.go_on();
    ada.read(&mut body, "two");
    ada.go_on();
    ada.read_rest(body);
    ada.get("/existing/get:chat");
    stage.tell("The same with a session that was there before, and optional.");
    let mut body = ada.open(
        "GET",
        "/existing/stream/say:one/wait/set:chat=again/say:two",
    );
    ada.read(&mut body, "one");
    ada.go_on();
    ada.read_rest(body);
    ada.get("/existing/get:chat");
    stage.tell("A body that writes nothing costs nothing more.");
    let mut body = ada.open("GET", "/session/get:chat/stream/say:one/wait/get:chat");
    ada.read(&mut body, "one");
    ada.go_on();
    ada.read_rest(body);
}

pub(super) fn what_is_written_before_the_last_announced_byte_is_stored(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:chat=begun");
    stage.tell("A client that knows the length reads no further than to the last byte.");
    stage.show("content-length");
    let mut body = ada.open(
        "GET",
        "/session/length:6/stream/say:one/wait/set:chat=whole/say:two/wait",
    );
    ada.read(&mut body, "one");
    ada.go_on();
    ada.read(&mut body, "two");
    // The body is not at its end: only its length can have told the server to store.
    stage.show_store_calls();
    // Whether a server asks for more behind the last byte is its own business.
    stage.gate.close();
    ada.read_rest(body);
    ada.get("/session/get:chat/length:5/stream/set:chat=again/say:three");
    stage.hide("content-length");
    ada.get("/existing/get:chat");
}

pub(super) fn a_client_that_hangs_up_loses_nothing_that_was_written(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:chat=begun");
    let mut body = ada.open(
        "GET",
        "/session/stream/say:one/set:chat=half/say:two/wait/forever",
    );
    ada.read(&mut body, "onetwo");
    stage.show_store_calls();
    ada.hang_up(body);
    ada.go_on();
    stage.wait_until_stored(&ada.token(), "chat", "half");
    stage.show_store_calls();
    ada.get("/session/get:chat");
}

pub(super) fn a_body_that_breaks_off_keeps_what_was_written(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:chat=begun");
    let mut body = ada.open(
        "GET",
        "/session/stream/say:one/wait/set:chat=half/break/set:chat=whole",
    );
    ada.read(&mut body, "one");
    stage.show_store_calls();
    ada.go_on();
    // Whoever breaks off owes nobody an order: what is written may be stored a little later.
    ada.read_broken(body);
    stage.wait_until_stored(&ada.token(), "chat", "half");
    stage.show_store_calls();
    ada.get("/session/get:chat");
}

pub(super) fn no_session_begins_in_a_body(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    stage.tell("Its cookie could not be sent any more. The body that tries breaks off.");
    let mut body = ada.open("GET", "/session/stream/say:one/wait/set:chat=begun/say:two");
    ada.read(&mut body, "one");
    ada.go_on();
    ada.read_rest(body);
    ada.get("/existing/get:chat");
    stage.tell("Neither can an id be changed; the session stays as it is.");
    ada.post("/session/set:chat=begun");
    let mut body = ada.open("GET", "/session/stream/say:one/wait/rotate/say:two");
    ada.read(&mut body, "one");
    ada.go_on();
    ada.read_rest(body);
    ada.get("/session/get:chat");
    stage.tell("But it can be ended.");
    let mut body = ada.open("GET", "/session/stream/say:one/wait/logout/say:two");
    ada.read(&mut body, "one");
    ada.go_on();
    ada.read_rest(body);
    ada.get("/existing/get:chat");
}
