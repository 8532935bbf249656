use std::time::Duration;

use chat::prompt::{Message, Role};
use reqwest::{Method, header};
use tokio::task::JoinSet;

use super::site::{Site, error_of};

#[tokio::test]
async fn ten_turns_are_remembered_in_order() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let mut expected = Vec::new();
    for turn in 1..=9 {
        let message = format!("Thought number {turn}.");
        let reply = visitor.talk(&message).await;
        expected.extend([Message::user(message), Message::assistant(reply)]);
    }
    let reply = visitor.talk("What did I say first?").await;
    assert!(reply.contains("“Thought number 1.”"), "{reply}");
    expected.extend([
        Message::user("What did I say first?"),
        Message::assistant(reply),
    ]);
    assert_eq!(visitor.history().await, expected);
}

#[tokio::test]
async fn two_browsers_see_nothing_of_each_other() {
    let site = Site::start().await;
    let (ada, ben) = (site.visitor(), site.visitor());
    ada.talk("I am Ada.").await;
    ben.talk("I am Ben.").await;
    assert_eq!(ada.history().await[0], Message::user("I am Ada."));
    assert_eq!(ben.history().await[0], Message::user("I am Ben."));
    assert_eq!(ben.history().await.len(), 2);
}

#[tokio::test]
async fn the_reply_is_plain_text_that_comes_in_pieces() {
    let site = Site::slow(Duration::from_millis(5)).await;
    let mut response = site.visitor().say("I like tea.").await;
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/plain; charset=utf-8"
    );
    let mut pieces = 0;
    while let Some(piece) = response.chunk().await.unwrap() {
        pieces += usize::from(!piece.is_empty());
    }
    assert!(pieces > 5, "{pieces} pieces");
}

#[tokio::test]
async fn the_message_is_in_the_history_before_the_first_token() {
    let site = Site::slow(Duration::from_secs(3600)).await;
    let visitor = site.visitor();
    let _unanswered = visitor.say("I like tea.").await;
    assert_eq!(visitor.history().await, [Message::user("I like tea.")]);
}

#[tokio::test]
async fn whoever_saw_the_end_of_a_reply_reads_it_complete() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for turn in 0..50 {
        let reply = visitor.talk(&format!("Message {turn}.")).await;
        let last = visitor.history().await.pop().unwrap();
        assert_eq!(last, Message::assistant(reply), "turn {turn}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_messages_at_once_are_all_kept_with_their_replies() {
    let site = Site::slow(Duration::from_millis(2)).await;
    let visitor = site.visitor();
    visitor.talk("Let us begin.").await;

    let mut tabs = JoinSet::new();
    for tab in 0..64 {
        let visitor = visitor.clone();
        tabs.spawn(async move {
            let message = format!("Tab {tab} speaks.");
            let reply = visitor.talk(&message).await;
            (message, reply)
        });
    }
    let spoken = tabs.join_all().await;

    let history = visitor.history().await;
    assert_eq!(history.len(), 2 + 2 * 64);
    assert!(history.iter().all(|message| message.complete));
    for (message, reply) in spoken {
        let at = history.iter().position(|it| it.content == message).unwrap();
        assert_eq!(history[at].role, Role::User);
        assert_eq!(history[at + 1], Message::assistant(reply));
    }
}

#[tokio::test]
async fn two_tabs_talk_at_once_and_each_reply_follows_its_question() {
    let site = Site::slow(Duration::from_millis(10)).await;
    let one = site.visitor();
    one.talk("Hello.").await;
    let tab = one.clone();
    let first = one.say("First tab.").await;
    let second = tab.say("Second tab.").await;
    let (second, first) = tokio::join!(second.text(), first.text());
    let expected = [
        Message::user("First tab."),
        Message::assistant(first.unwrap()),
        Message::user("Second tab."),
        Message::assistant(second.unwrap()),
    ];
    assert_eq!(one.history().await[2..], expected);
}

#[tokio::test]
async fn regenerating_replaces_the_last_reply_and_keeps_everything_before() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.talk("I like tea.").await;
    let dropped = visitor.talk("The train was late.").await;
    let before = visitor.history().await;

    let response = visitor.regenerate().await;
    assert_eq!(response.status(), 200);
    let fresh = response.text().await.unwrap();

    assert_ne!(fresh, dropped);
    let after = visitor.history().await;
    assert_eq!(after[..3], before[..3]);
    assert_eq!(after[3..], [Message::assistant(fresh)]);
}

#[tokio::test]
async fn where_nothing_was_said_there_is_nothing_to_regenerate() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let response = visitor.regenerate().await;
    assert_eq!(response.status(), 409);
    assert_eq!(error_of(response).await, "There is no reply to make anew.");
    assert!(!visitor.has_cookie(), "no session is created to say no");

    visitor.talk("Hello.").await;
    visitor.forget().await;
    assert_eq!(visitor.regenerate().await.status(), 409);
    assert_eq!(visitor.history().await, []);
}

#[tokio::test]
async fn regenerating_in_another_tab_wins_over_the_reply_that_still_streams() {
    let site = Site::slow(Duration::from_millis(10)).await;
    let visitor = site.visitor();
    let old = visitor.say("I like tea.").await;
    let fresh = visitor.regenerate().await;
    let (old, fresh) = tokio::join!(old.text(), fresh.text());
    old.unwrap();
    let expected = [
        Message::user("I like tea."),
        Message::assistant(fresh.unwrap()),
    ];
    assert_eq!(visitor.history().await, expected);
}

#[tokio::test]
async fn forgetting_empties_the_conversation_and_another_can_begin() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.talk("My name is Hanako.").await;
    assert_eq!(visitor.forget().await.status(), 204);
    assert_eq!(visitor.history().await, []);
    let reply = visitor.talk("What did I say before?").await;
    assert!(!reply.contains("Hanako"), "{reply}");
    assert_eq!(visitor.history().await.len(), 2);
}

#[tokio::test]
async fn what_is_forgotten_while_its_reply_streams_stays_forgotten() {
    let site = Site::slow(Duration::from_millis(5)).await;
    let visitor = site.visitor();
    let reply = visitor.say("I like tea.").await;
    visitor.forget().await;
    reply.text().await.unwrap();
    assert_eq!(visitor.history().await, []);
}

#[tokio::test]
async fn looking_and_forgetting_create_no_session() {
    let site = Site::start().await;
    let visitor = site.visitor();
    assert_eq!(visitor.history().await, []);
    assert_eq!(visitor.forget().await.status(), 204);
    assert!(!visitor.has_cookie());
}

#[tokio::test]
async fn what_is_no_message_is_refused_in_words_and_creates_no_session() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let bodies = [
        "",
        "{",
        "[]",
        "\"hello\"",
        "{}",
        r#"{"message": 7}"#,
        r#"{"message": null}"#,
    ];
    for body in bodies
        .into_iter()
        .chain([r#"{"message": ""}"#, r#"{"message": " \n"}"#])
    {
        let request = visitor.request(Method::POST, "/api/chat");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let response = visitor.send(request.body(body)).await;
        assert_eq!(response.status(), 400, "{body:?}");
        assert!(!error_of(response).await.is_empty());
    }
    assert!(!visitor.has_cookie());
}

#[tokio::test]
async fn a_message_in_another_media_type_is_refused() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let request = visitor.request(Method::POST, "/api/chat");
    let response = visitor.send(request.body(r#"{"message": "hi"}"#)).await;
    assert_eq!(response.status(), 415);
}

#[tokio::test]
async fn the_text_of_a_message_is_kept_as_it_is() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let message = "  <b>é</b>\n\t猫 👩‍👩‍👧 \u{0} \"quoted\"  ";
    visitor.talk(message).await;
    assert_eq!(visitor.history().await[0], Message::user(message));
}
