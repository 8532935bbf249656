//! What a request may carry under the name of the session cookie, and elsewhere.

use crate::testkit::adapter::stage::Stage;

pub(super) fn a_forged_cookie_is_no_session(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    let forged = with_another_end(&ada.token());
    let mut transcript = stage.transcript.borrow_mut();
    transcript.name(&forged, "token 1 with another signature");
    drop(transcript);
    stage.tell("What is no token, and what somebody else has signed, costs no store call.");
    let mut mallory = stage.visitor("mallory");
    mallory.take(forged);
    mallory.get("/session/get:cart");
    mallory.take(format!("{}x", ada.token()));
    mallory.get("/existing/get:cart");
    mallory.take("admin".into());
    mallory.get("/session/get:cart");
    stage.tell("It is never adopted: a write gets an id of the server's own.");
    mallory.post("/session/set:cart=pen");
    mallory.get("/session/get:cart");
    ada.get("/session/get:cart");
}

pub(super) fn the_good_one_of_several_cookies_is_found(stage: &Stage) {
    let mut ada = stage.visitor("ada");
    ada.post("/session/set:cart=book");
    let (good, bad) = (ada.cookie(&ada.token()), ada.cookie("garbage"));
    let theme = "theme=dark".to_owned();
    stage.tell("Before, behind and between others, in one line and in several.");
    ada.get_with("/session/get:cart", &[format!("{theme}; {good}; lang=en")]);
    ada.get_with("/session/get:cart", &[format!("{bad}; {good}")]);
    ada.get_with("/session/get:cart", &[format!("{good}; {bad}")]);
    ada.get_with("/existing/get:cart", &[format!("{good}; {good}")]);
    ada.get_with("/session/get:cart", &[theme.clone(), good.clone()]);
    ada.get_with("/existing/get:cart", &[bad, theme.clone(), good]);
    stage.tell("A name is the same letter by letter, or it is another one.");
    let capitals = ada.cookie(&ada.token()).to_uppercase();
    let token = ada.token().to_uppercase();
    stage
        .transcript
        .borrow_mut()
        .name(&token, "token 1 in capitals");
    ada.get_with("/existing/get:cart", &[capitals]);
    ada.get_with(
        "/existing/get:cart",
        &[format!("x{}", ada.cookie(&ada.token()))],
    );
}

pub(super) fn two_live_sessions_in_one_request_are_nobodys(stage: &Stage) {
    let (mut ada, mut mallory) = (stage.visitor("ada"), stage.visitor("mallory"));
    ada.post("/session/set:cart=book");
    mallory.post("/session/set:cart=trap");
    let both = [ada.cookie(&mallory.token()), ada.cookie(&ada.token())];
    stage.tell("Mallory has planted a cookie in the browser of Ada.");
    ada.get_with("/existing/get:cart", &both);
    ada.get_with("/session/get:cart", &[both.join("; ")]);
    ada.post_with("/session/set:cart=pen", &both);
    ada.post_with("/session/login:ada", &[both.join("; ")]);
    ada.get_with("/untouched/say:welcome", &both);
    stage.tell("Neither of the two has changed.");
    ada.get("/session/whoami/get:cart");
    mallory.get("/session/whoami/get:cart");
}

/// The token with another last character that spells other bits.
fn with_another_end(token: &str) -> String {
    let (start, end) = token.split_at(token.len() - 4);
    let other = if end == "AAAA" { "BBBB" } else { "AAAA" };
    format!("{start}{other}")
}
