use std::convert::Infallible;
use std::time::Duration;

use chat::app::Limits;
use chat::cors::Cors;
use chat::prompt::{Message, Role};
use chat::responder::Responder;
use futures_util::{StreamExt, stream};
use reqwest::{Body, Method, header};

use super::site::{Site, error_of};

const FULL: &str = "The conversation has reached its size limit. Start a new one to go on.";

/// A chat with room for a few messages.
async fn small_site() -> Site {
    let limits = Limits {
        session: 4_000,
        reply_reserve: 1_000,
    };
    Site::with(Responder::embedded(Duration::ZERO), limits, Cors::default()).await
}

#[tokio::test]
async fn a_message_that_leaves_no_room_for_a_reply_is_refused_whole() {
    let site = small_site().await;
    let visitor = site.visitor();
    visitor.talk("Hello.").await;
    let before = visitor.history().await;
    for length in [3_000, 5_000, 100_000] {
        let response = visitor.say(&"x".repeat(length)).await;
        assert_eq!(response.status(), 413, "{length} bytes");
        assert_eq!(error_of(response).await, FULL);
    }
    assert_eq!(visitor.history().await, before);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_read_no_further_than_the_limit() {
    let site = small_site().await;
    let visitor = site.visitor();
    let pieces = std::iter::repeat_n(Ok::<_, Infallible>("[".repeat(1_000)), 8);
    // The end never comes: a server that waited for it would not answer.
    let body = stream::iter(pieces).chain(stream::pending());
    let request = visitor
        .request(Method::POST, "/api/chat")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::wrap_stream(body));
    let response = visitor.send(request).await;
    assert_eq!(response.status(), 413);
    assert_eq!(error_of(response).await, FULL);
}

#[tokio::test]
async fn a_conversation_grows_to_its_limit_and_loses_nothing_when_it_gets_there() {
    let site = small_site().await;
    let visitor = site.visitor();
    let mut kept = Vec::new();
    let refused = loop {
        let message = format!("Message number {}.", kept.len());
        let response = visitor.say(&message).await;
        if response.status() != 200 {
            break response;
        }
        let reply = response.text().await.unwrap();
        kept.extend([Message::user(message), Message::assistant(reply)]);
        assert!(kept.len() < 100, "the limit is never reached");
    };
    assert_eq!(refused.status(), 413);
    assert_eq!(error_of(refused).await, FULL);
    assert_eq!(visitor.history().await, kept);
    assert_eq!(visitor.panel().await["full"], true);

    visitor.forget().await;
    assert_eq!(visitor.panel().await["full"], false);
    visitor.talk("There is room again.").await;
}

#[tokio::test]
async fn parallel_messages_at_the_limit_are_kept_whole_or_refused_or_broken_off() {
    let site = small_site().await;
    let visitor = site.visitor();
    visitor.talk("Hello.").await;
    let said = (0..24).map(|tab| {
        let visitor = visitor.clone();
        async move {
            let response = visitor.say(&format!("Tab {tab} says something.")).await;
            let status = response.status().as_u16();
            (tab, status, response.text().await.ok())
        }
    });
    let outcomes = futures_util::future::join_all(said).await;
    let history = visitor.history().await;
    for (tab, status, reply) in outcomes {
        let message = format!("Tab {tab} says something.");
        let at = history.iter().position(|it| it.content == message);
        match (status, reply) {
            (200, Some(reply)) => assert_eq!(history[at.unwrap() + 1], Message::assistant(reply)),
            (200, None) => {
                let next = &history[at.unwrap() + 1..];
                assert!(
                    next.first()
                        .is_none_or(|it| it.role == Role::User || !it.complete)
                );
            }
            (413, _) => assert_eq!(at, None, "tab {tab} was refused and is kept"),
            other => panic!("tab {tab}: {other:?}"),
        }
    }
}
