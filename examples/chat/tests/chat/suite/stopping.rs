use std::time::Duration;

use chat::app::Limits;
use chat::cors::Cors;
use chat::prompt::{Message, Role};
use chat::responder::Responder;
use reqwest::Response;

use super::site::Site;

/// Listens to the first pieces of a reply.
async fn hear(response: &mut Response, pieces: usize) -> String {
    let mut heard = String::new();
    for _ in 0..pieces {
        let piece = response.chunk().await.unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&piece).unwrap());
    }
    heard
}

fn has_a_reply(messages: &[Message]) -> bool {
    messages
        .last()
        .is_some_and(|last| last.role == Role::Assistant)
}

#[tokio::test]
async fn what_was_said_until_the_visitor_stopped_is_kept_as_incomplete() {
    let site = Site::slow(Duration::from_millis(20)).await;
    let visitor = site.visitor();
    let mut reply = visitor.say("I like tea.").await;
    let heard = hear(&mut reply, 5).await;
    drop(reply);

    let history = visitor.history_when(has_a_reply).await;
    assert_eq!(history[0], Message::user("I like tea."));
    assert!(!history[1].complete);
    assert!(history[1].content.starts_with(&heard), "{history:?}");
}

#[tokio::test]
async fn after_a_stop_the_conversation_goes_on_and_the_part_is_remembered() {
    let site = Site::slow(Duration::from_millis(10)).await;
    let visitor = site.visitor();
    let mut reply = visitor.say("I like tea.").await;
    hear(&mut reply, 5).await;
    drop(reply);
    let kept = visitor.history_when(has_a_reply).await.pop().unwrap();

    let reply = visitor.talk("What did you say?").await;
    assert!(reply.contains(kept.content.trim_end()), "{reply}");
    let complete: Vec<bool> = visitor
        .history()
        .await
        .iter()
        .map(|it| it.complete)
        .collect();
    assert_eq!(complete, [true, false, true, true]);
}

#[tokio::test]
async fn a_stopped_reply_can_be_made_anew() {
    let site = Site::slow(Duration::from_millis(10)).await;
    let visitor = site.visitor();
    let mut reply = visitor.say("I like tea.").await;
    hear(&mut reply, 3).await;
    drop(reply);
    visitor.history_when(has_a_reply).await;

    let fresh = visitor.regenerate().await.text().await.unwrap();
    let expected = [Message::user("I like tea."), Message::assistant(fresh)];
    assert_eq!(visitor.history().await, expected);
}

#[tokio::test]
async fn a_reply_stopped_before_its_first_token_can_be_made_anew() {
    let site = Site::slow(Duration::from_secs(3600)).await;
    let visitor = site.visitor();
    drop(visitor.say("I like tea.").await);
    assert_eq!(visitor.history().await, [Message::user("I like tea.")]);
    assert_eq!(visitor.regenerate().await.status(), 200);
}

#[tokio::test]
async fn a_long_reply_is_stored_while_it_streams() {
    let site = Site::slow(Duration::from_millis(120)).await;
    let visitor = site.visitor();
    let mut reply = visitor.say("I like tea.").await;
    // Two seconds of it: one until a piece is cut, one until the engine stores it.
    let heard = hear(&mut reply, 22).await;
    let history = visitor.history().await;
    let part = &history[1];
    assert!(!part.complete);
    assert!(
        heard.starts_with(&part.content) && part.content.len() > 20,
        "{part:?}"
    );
}

#[tokio::test]
async fn a_server_that_stops_keeps_what_was_said_and_ends_the_reply_as_broken_off() {
    let mut site = Site::slow(Duration::from_millis(10)).await;
    let visitor = site.visitor();
    let mut reply = visitor.say("I like tea.").await;
    let heard = hear(&mut reply, 5).await;
    site.break_off_replies();
    assert!(
        reply.text().await.is_err(),
        "an end would mean a complete reply"
    );

    let history = visitor.history_when(has_a_reply).await;
    assert!(!history[1].complete);
    assert!(history[1].content.starts_with(&heard));
}

#[tokio::test]
async fn a_server_that_stops_lets_a_reply_end_and_waits_for_nobody_else() {
    let site = Site::slow(Duration::from_millis(10)).await;
    let (visitor, idle) = (site.visitor(), site.visitor());
    assert_eq!(idle.history().await, []);
    let mut reply = visitor.say("I like tea.").await;
    hear(&mut reply, 5).await;
    let stopped = tokio::spawn(site.stop());
    assert!(!reply.text().await.unwrap().is_empty());
    let patience = Duration::from_secs(4);
    let in_time = tokio::time::timeout(patience, stopped).await;
    in_time
        .expect("an idle connection holds nobody up")
        .unwrap();
}

#[tokio::test]
async fn what_a_stop_breaks_off_is_stored_when_the_server_has_ended() {
    let mut site = Site::slow(Duration::from_millis(10)).await;
    let visitor = site.visitor();
    let mut reply = visitor.say("I like tea.").await;
    let heard = hear(&mut reply, 5).await;
    site.break_off_replies();
    let sessions = site.stop().await;
    assert!(reply.text().await.is_err());

    let (responder, limits) = (Responder::embedded(Duration::ZERO), Limits::default());
    let restarted = Site::over(sessions, responder, limits, Cors::default()).await;
    let history = visitor.at(&restarted).history().await;
    assert!(!history[1].complete);
    assert!(history[1].content.starts_with(&heard), "{history:?}");
}
