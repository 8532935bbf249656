//! How the session gets along with what the application answers.

use crate::SessionManagerBuilder;
use crate::testkit::adapter::stage::Stage;

pub(super) fn an_error_of_the_application_keeps_what_was_written(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book/status:500/say:out_of_order");
    ada.get("/session/get:cart/status:404");
    ada.post("/existing/set:cart=pen/status:422");
    ada.get("/session/get:cart");
    stage.tell("So does an error of the session that the handler hands on.");
    ada.post("/session/set:cart=ink/number:cart");
    ada.get("/session/get:cart");
}

pub(super) fn headers_of_the_application_stay(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    stage.tell("A response with a session cookie is stored by no cache.");
    ada.post(
        "/session/set:cart=book/cookie:theme=dark/cookie:lang=en/vary:Accept-Language/cache:public,max-age=60",
    );
    stage.tell("One without is the business of the application.");
    ada.get("/session/get:cart/cookie:theme=light/vary:Accept-Language/cache:public,max-age=60");
    ada.get("/untouched/cookie:theme=dark/vary:Accept-Language/cache:public,max-age=60");
    stage.tell("What the application has said already is not said twice.");
    ada.post("/session/rotate/vary:Accept,cookie/cache:private,max-age=5");
    ada.get("/session/get:cart/vary:*");
}

pub(super) fn a_redirect_brings_the_cookie(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/login:ada/redirect");
    ada.get("/existing/whoami");
    ada.post("/session/logout/redirect");
    ada.get("/existing/whoami");
}

pub(super) fn an_answer_without_a_body_brings_the_cookie(stage: &Stage) {
    let (mut ada, mut bert) = (stage.visitor("ada"), stage.visitor("bert"));
    ada.head("/session/set:cart=book/say:nobody_hears_this");
    ada.get("/session/get:cart");
    ada.head("/existing/get:cart");
    bert.post("/session/set:cart=pen/status:204");
    bert.get("/session/get:cart");
}

pub(super) fn one_kibibyte_at_most(builder: SessionManagerBuilder) -> SessionManagerBuilder {
    builder.max_bytes(1024)
}

pub(super) fn a_session_that_grows_too_large_is_refused(stage: &Stage) {
    let (mut ada, mut bert) = (stage.visitor("ada"), stage.visitor("bert"));
    ada.post("/session/fill:chat=2000");
    bert.post("/session/set:chat=short");
    bert.post("/session/fill:chat=2000");
    bert.get("/session/get:chat");
}
