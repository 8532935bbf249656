//! The conversation of an account, on all devices.

use std::time::Duration;

use chat::accounts::{AccountStore, SqlAccounts};
use chat::app::Limits;
use chat::cors::Cors;
use chat::prompt::Message;
use chat::responder::Responder;

use super::accounts::registered;
use super::site::{Folder, Sessions, Site, Visitor};

/// A chat whose accounts are in a file.
async fn on_file(folder: &Folder, pause: Duration, limits: Limits) -> Site {
    let sessions = Sessions::with_room_for(limits.session).await;
    let accounts = SqlAccounts::new(&folder.sqlite()).unwrap();
    let (kept, responder) = (AccountStore::Sql(accounts), Responder::embedded(pause));
    Site::of(sessions, kept, responder, limits, Cors::default()).await
}

/// Another browser of somebody who has an account.
async fn another(site: &Site, name: &str) -> Visitor {
    let visitor = site.visitor();
    assert_eq!(visitor.log_in(name).await.status(), 200);
    visitor
}

#[tokio::test]
async fn whoever_logs_in_elsewhere_finds_the_conversation_there_and_what_is_said_meanwhile() {
    let folder = Folder::create();
    let in_memory = Site::start().await;
    let in_a_file = on_file(&folder, Duration::ZERO, Limits::default()).await;
    for site in [&in_memory, &in_a_file] {
        let laptop = registered(site, "ada").await;
        laptop.talk("My name is Ada.").await;
        let phone = another(site, "ada").await;
        assert_eq!(phone.history().await, laptop.history().await);
        let reply = phone.talk("What is my name?").await;
        assert!(reply.contains("Ada"), "{reply}");
        assert_eq!(laptop.history().await.len(), 4);
        assert_eq!(laptop.history().await, phone.history().await);
        assert_eq!(site.visitor().history().await, []);
    }
}

#[tokio::test]
async fn what_was_said_before_a_login_joins_what_the_account_has() {
    let folder = Folder::create();
    let site = on_file(&folder, Duration::ZERO, Limits::default()).await;
    let laptop = registered(&site, "ada").await;
    laptop.talk("On the laptop.").await;
    let phone = site.visitor();
    phone.talk("On the phone.").await;
    assert_eq!(phone.log_in("ada").await.status(), 200);
    let history = phone.history().await;
    assert_eq!(history[0], Message::user("On the laptop."));
    assert_eq!(history[2], Message::user("On the phone."));
    assert_eq!((history.len(), laptop.history().await), (4, history));
}

#[tokio::test]
async fn nothing_is_lost_of_what_two_browsers_say_at_the_same_time() {
    let folder = Folder::create();
    let site = on_file(&folder, Duration::from_millis(1), Limits::default()).await;
    let laptop = registered(&site, "ada").await;
    let phone = another(&site, "ada").await;
    for round in 0..3 {
        let (on_laptop, on_phone) = (format!("{round} laptop"), format!("{round} phone"));
        let (one, other) = tokio::join!(laptop.talk(&on_laptop), phone.talk(&on_phone));
        let history = laptop.history().await;
        for (question, reply) in [(on_laptop, one), (on_phone, other)] {
            let at = history
                .iter()
                .position(|it| *it == Message::user(&question));
            assert_eq!(history[at.unwrap() + 1], Message::assistant(reply));
        }
        assert_eq!(history.len(), 4 * (round + 1));
        assert_eq!(phone.history().await, history);
    }
}

#[tokio::test]
async fn a_reply_that_was_stopped_is_on_the_other_browser_as_far_as_it_came() {
    let folder = Folder::create();
    let site = on_file(&folder, Duration::from_millis(10), Limits::default()).await;
    let laptop = registered(&site, "ada").await;
    let phone = another(&site, "ada").await;
    let mut reply = laptop.say("I like tea.").await;
    reply.chunk().await.unwrap().unwrap();
    drop(reply);
    let history = phone.history_when(|messages| messages.len() == 2).await;
    assert!(!history[1].complete && !history[1].content.is_empty());

    let fresh = phone.regenerate().await.text().await.unwrap();
    let expected = [Message::user("I like tea."), Message::assistant(fresh)];
    assert_eq!(laptop.history().await, expected);
    assert_eq!(phone.history().await, expected);
}

#[tokio::test]
async fn a_new_conversation_is_new_on_every_browser_also_where_a_reply_still_streams() {
    let folder = Folder::create();
    let site = on_file(&folder, Duration::from_millis(5), Limits::default()).await;
    let laptop = registered(&site, "ada").await;
    laptop.talk("To be forgotten.").await;
    let phone = another(&site, "ada").await;
    let reply = phone.say("To be forgotten, too.").await;
    assert_eq!(laptop.forget().await.status(), 204);
    reply.text().await.unwrap();
    assert_eq!(laptop.history().await, []);
    assert_eq!(phone.history().await, []);
    phone.talk("Something new.").await;
    assert_eq!(laptop.history().await.len(), 2);
}

#[tokio::test]
async fn logging_out_forgets_nothing_and_the_next_visitor_sees_nothing() {
    let folder = Folder::create();
    let site = on_file(&folder, Duration::ZERO, Limits::default()).await;
    let visitor = registered(&site, "ada").await;
    visitor.talk("I am Ada.").await;
    let before = visitor.history().await;
    assert_eq!(visitor.log_out().await.status(), 204);
    assert_eq!(visitor.history().await, []);
    assert_eq!(visitor.register("ben").await.status(), 201);
    assert_eq!(visitor.history().await, []);
    visitor.talk("I am Ben.").await;
    assert_eq!(visitor.log_in("ada").await.status(), 200);
    assert_eq!(visitor.history().await, before);
}

#[tokio::test]
async fn conversations_that_are_too_large_together_are_shown_and_can_only_be_begun_anew() {
    let folder = Folder::create();
    let limits = Limits {
        session: 4_000,
        reply_reserve: 1_000,
    };
    let site = on_file(&folder, Duration::ZERO, limits).await;
    let laptop = registered(&site, "ada").await;
    laptop.talk(&"a".repeat(2_000)).await;
    let phone = site.visitor();
    phone.talk(&"b".repeat(2_000)).await;
    assert_eq!(phone.log_in("ada").await.status(), 200);
    assert_eq!(phone.history().await.len(), 4);
    assert_eq!(phone.say("More.").await.status(), 413);
    assert_eq!(laptop.history().await.len(), 2, "it goes on");
    assert_eq!(phone.forget().await.status(), 204);
    phone.talk("More.").await;
    assert_eq!(laptop.history().await, phone.history().await);
}
