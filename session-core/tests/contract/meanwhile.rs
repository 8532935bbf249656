//! What one request does while another, or a task of its own, does something too.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Deserializer};
use session_core::testkit::{Fault, Faulty, ManualClock, ManualRuntime, Site, Verb, block_on};
use session_core::{MemoryStore, SessionError};

use crate::given::Given;

#[test]
fn a_login_over_another_principal_never_sees_what_that_one_left() -> Result<(), SessionError> {
    block_on(async {
        let site = Site::new();
        let mut browser = site.visitor();
        let push = |item: &'static str| move |cart: &mut Vec<String>| cart.push(item.into());
        browser
            .visit(async |session| {
                session.login("ada")?;
                session.update_attribute("cart", push("a diary"))
            })
            .await?;
        browser
            .visit(async |session| {
                session.login("bob")?;
                session.update_attribute("cart", push("a map"))
            })
            .await?;
        let cart: Option<Vec<String>> = browser
            .visit(async |session| session.get_attribute("cart"))
            .await?;
        assert_eq!(cart.unwrap(), ["a map"]);
        Ok(())
    })
}

#[test]
fn what_another_request_writes_after_a_take_is_not_taken() -> Result<(), SessionError> {
    block_on(async {
        let site = Site::new();
        let mut ada = site.visitor();
        ada.visit(async |session| session.append_attribute("flash", "one"))
            .await?;
        let mut taking = ada.begin();
        let session = taking.handle().session().await?;
        let taken: Option<Vec<String>> = session.take_attribute("flash")?;
        assert_eq!(taken.unwrap(), ["one"]);
        ada.visit(async |session| session.append_attribute("flash", "two"))
            .await?;
        drop(taking.commit().await?);
        let left: Option<Vec<String>> = ada
            .visit(async |session| session.get_attribute("flash"))
            .await?;
        assert!(left.unwrap().contains(&"two".to_owned()));
        Ok(())
    })
}

#[test]
fn a_task_can_write_while_the_session_of_a_new_visitor_is_being_created() {
    let store = Faulty::new(MemoryStore::new()).without_immediate_door();
    let site = Site::with(|builder| builder.store(store.clone()));
    let runtime = ManualRuntime::new(ManualClock::new());
    site.sessions().attach_runtime(Arc::new(runtime.clone()));
    let mut ada = site.visitor();
    let mut exchange = ada.begin();
    let session = block_on(async { exchange.handle().session().await }).unwrap();
    session.append_attribute("chat", "question").unwrap();
    store.next(Verb::Create, Fault::HoldRequest);
    let mut context = Context::from_waker(Waker::noop());
    assert!(exchange.poll_commit(&mut context).is_pending());
    runtime.run_until_stalled();

    session.append_attribute("chat", "answer").unwrap();
    let seen: Option<Vec<String>> = session.get_attribute("chat").unwrap();
    assert_eq!(seen.unwrap(), ["question", "answer"]);

    store.release();
    runtime.run_until_stalled();
    let Poll::Ready(Ok(delivery)) = exchange.poll_commit(&mut context) else {
        panic!("the session was not created");
    };
    drop(ada.receive(delivery));
    drop((session, exchange));
    runtime.run_until_stalled();
    let stored: Option<Vec<String>> = runtime
        .block_on(ada.visit(async |session| session.get_attribute("chat")))
        .unwrap();
    assert_eq!(stored.unwrap(), ["question", "answer"]);
}

#[test]
fn a_login_that_was_saved_is_announced_although_the_commit_after_it_fails() {
    let store = Faulty::new(MemoryStore::new());
    let site = Site::with(|builder| builder.store(store.clone()));
    let mut ada = site.visitor();
    block_on(ada.visit(async |session| session.set_attribute("cart", "book"))).unwrap();
    let before = ada.cookie();

    let mut exchange = ada.begin();
    let session = block_on(async { exchange.handle().session().await }).unwrap();
    session.login("ada").unwrap();
    block_on(session.save()).unwrap();
    session.set_attribute("cart", "two books").unwrap();
    store.next(Verb::Apply, Fault::Unavailable);
    let failed = block_on(exchange.commit());
    assert!(matches!(failed, Err(SessionError::Unavailable(_))));
    drop(ada.receive(exchange.salvage().unwrap()));

    assert_ne!(ada.cookie(), before);
    let cart: Option<String> =
        block_on(ada.visit(async |session| session.get_attribute("cart"))).unwrap();
    assert_eq!(cart.as_deref(), Some("book"));
}

#[test]
fn a_login_while_the_session_is_first_saved_still_gets_an_id_of_its_own() {
    let store = Faulty::new(MemoryStore::new()).without_immediate_door();
    let site = Site::with(|builder| builder.store(store.clone()));
    let runtime = ManualRuntime::new(ManualClock::new());
    site.sessions().attach_runtime(Arc::new(runtime.clone()));
    let mut ada = site.visitor();
    let mut exchange = ada.begin();
    let session = block_on(async { exchange.handle().session().await }).unwrap();
    session.login("ada").unwrap();
    session.set_attribute("diary", "of ada").unwrap();
    store.next(Verb::Create, Fault::HoldRequest);
    let mut context = Context::from_waker(Waker::noop());
    let mut save = Box::pin(session.save());
    assert!(save.as_mut().poll(&mut context).is_pending());
    runtime.run_until_stalled();
    let first = session.id();

    session.login("bob").unwrap();
    assert_ne!(session.id(), first);
    assert_eq!(session.get_attribute::<String>("diary").unwrap(), None);

    store.release();
    runtime.run_until_stalled();
    runtime.block_on(save).unwrap();
    let second = session.id();
    assert_ne!(second, first);
    drop(session);
    drop(ada.receive(runtime.block_on(exchange.commit()).unwrap()));
    let (principal, diary) = runtime
        .block_on(ada.visit(async |session| {
            assert_eq!(session.id(), second);
            let diary: Option<String> = session.get_attribute("diary")?;
            Ok((session.principal()?, diary))
        }))
        .unwrap();
    assert_eq!((principal.as_deref(), diary), (Some("bob"), None));
}

#[test]
fn an_update_is_made_again_where_another_task_of_the_request_was_faster() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    let other = request.session.clone();
    let mut runs = 0;
    let n = request.session.update_attribute("n", move |n: &mut i64| {
        runs += 1;
        if runs == 1 {
            other.set_attribute("n", &10).unwrap();
        }
        *n += runs;
    });
    assert_eq!(n.unwrap(), 12);
    assert_eq!(request.session.get_attribute("n").unwrap(), Some(12));
}

#[test]
fn an_update_is_made_once_where_another_task_of_the_request_changed_something_else() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    let other = request.session.clone();
    let mut runs = 0;
    let n = request.session.update_attribute("n", move |n: &mut i64| {
        runs += 1;
        other.set_attribute("m", &runs).unwrap();
        *n += runs;
    });
    assert_eq!(n.unwrap(), 2);
    assert_eq!(request.session.get_attribute("m").unwrap(), Some(1));
}

#[test]
fn an_update_is_made_again_where_a_save_of_the_request_showed_something_newer() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let request = given.request(&ada);
    given
        .visit(&mut ada.clone(), |session| session.set_attribute("n", &10))
        .unwrap();
    request.session.set_attribute("m", &1).unwrap();
    let other = request.session.clone();
    let mut runs = 0;
    let n = request.session.update_attribute("n", move |n: &mut i64| {
        runs += 1;
        if runs == 1 {
            block_on(other.save()).unwrap();
        }
        *n += 1;
    });
    assert_eq!(n.unwrap(), 11);
}

#[test]
fn an_update_is_made_again_where_somebody_else_logged_in_meanwhile() {
    let given = Given::near();
    let mut browser = given.visitor_with_session();
    given
        .visit(&mut browser, |session| session.login("ada"))
        .unwrap();
    let request = given.request(&browser);
    let other = request.session.clone();
    let mut runs = 0;
    let n = request.session.update_attribute("n", move |n: &mut i64| {
        runs += 1;
        if runs == 1 {
            other.login("eve").unwrap();
        }
        *n += 1;
    });
    assert_eq!(n.unwrap(), 1, "nothing of the other one is left");
}

thread_local! {
    /// What happens, once, while a value is decoded.
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    /// How often a value was decoded.
    static DECODED: Cell<u32> = const { Cell::new(0) };
}

/// A number in whose decoding another task of the request has its turn.
struct Slow(i64);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        DECODED.set(DECODED.get() + 1);
        if let Some(meanwhile) = MEANWHILE.take() {
            meanwhile();
        }
        Ok(Self(number))
    }
}

#[test]
fn what_is_taken_is_what_another_task_of_the_request_set_meanwhile() {
    for (name, taken, decoded) in [("n", 10, 2), ("m", 1, 1)] {
        let given = Given::near();
        let request = given.request(&given.visitor_with_session());
        let other = request.session.clone();
        MEANWHILE.set(Some(Box::new(move || {
            other.set_attribute(name, &10).unwrap();
        })));
        DECODED.set(0);
        let slow: Slow = request.session.take_attribute("n").unwrap().unwrap();
        assert_eq!((slow.0, DECODED.get()), (taken, decoded), "{name}");
        assert_eq!(request.session.get_attribute::<i64>("n").unwrap(), None);
    }
}
