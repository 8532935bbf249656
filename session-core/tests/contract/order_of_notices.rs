//! Of one session everything is told in the order in which the store accepted it, also when its
//! answers arrive in another one.

use session_core::testkit::{Fault, Verb};
use session_core::{LoginOptions, Session};

use crate::diary::{Diary, told, with_diary};
use crate::given::{Distance, Given, InFlight, poll_once};

fn far() -> (Given, Diary) {
    with_diary(Distance::Far, |builder| builder)
}

/// Has the next answer to `verb` on its way for as long as the test likes.
fn delay_answer(given: &Given, verb: Verb) {
    given.next(verb, Fault::HoldReply);
}

/// Lets `request` commit up to the answer that is on its way.
fn begin_commit<'r>(
    given: &'r Given,
    request: &'r mut InFlight<'_>,
) -> impl Future<Output = ()> + 'r {
    let mut commit = Box::pin(async {
        let _ = request.exchange.commit().await.unwrap();
    });
    assert!(poll_once(commit.as_mut()).is_pending());
    given.runtime.run_until_stalled();
    assert_eq!(given.store.inner().held(), 1);
    commit
}

#[test]
fn a_value_whose_answer_is_late_is_told_before_the_end_of_its_session() {
    let (given, diary) = far();
    let mut ada = given.visitor_with_session();
    told(&given, &diary);
    let mut slow = given.request(&ada);
    slow.session.set_attribute("m", &2).unwrap();
    delay_answer(&given, Verb::Apply);
    let commit = begin_commit(&given, &mut slow);
    given.visit(&mut ada, Session::invalidate).unwrap();
    assert!(
        told(&given, &diary).is_empty(),
        "what came before the end is not known yet"
    );
    given.store.inner().release();
    given.runtime.block_on(commit);
    assert_eq!(
        told(&given, &diary),
        [
            "added m=2",
            "destroyed Invalidated",
            "removed m=2",
            "removed n=1"
        ]
    );
}

#[test]
fn values_are_told_in_the_order_in_which_they_were_stored() {
    let (given, diary) = far();
    let mut ada = given.visitor_with_session();
    told(&given, &diary);
    let mut slow = given.request(&ada);
    slow.session.set_attribute("n", &2).unwrap();
    delay_answer(&given, Verb::Apply);
    let commit = begin_commit(&given, &mut slow);
    for n in [3, 4] {
        given
            .visit(&mut ada, |session| session.set_attribute("n", &n))
            .unwrap();
    }
    given.store.inner().release();
    given.runtime.block_on(commit);
    assert_eq!(
        told(&given, &diary),
        [
            "replaced n=1 by 2",
            "replaced n=2 by 3",
            "replaced n=3 by 4"
        ]
    );
}

#[test]
fn changes_of_the_id_are_told_in_their_order() {
    let (given, diary) = far();
    let mut ada = given.visitor_with_session();
    told(&given, &diary);
    let mut slow = given.request(&ada);
    slow.session.set_attribute("n", &2).unwrap();
    delay_answer(&given, Verb::Apply);
    let commit = begin_commit(&given, &mut slow);
    given
        .visit(&mut ada, |session| session.change_session_id().map(drop))
        .unwrap();
    given
        .visit(&mut ada, |session| session.change_session_id().map(drop))
        .unwrap();
    given
        .visit(&mut ada, |session| session.set_attribute("n", &3))
        .unwrap();
    given.store.inner().release();
    given.runtime.block_on(commit);
    assert_eq!(
        told(&given, &diary),
        [
            "replaced n=1 by 2",
            "id changed",
            "id changed",
            "replaced n=2 by 3"
        ]
    );
}

#[test]
fn a_creation_whose_answer_is_late_is_told_before_the_end_of_its_session() {
    let (given, diary) = far();
    let ada = given.visitor();
    let mut request = given.request(&ada);
    request
        .session
        .login(LoginOptions::of("ada"))
        .and_then(|()| request.session.set_attribute("n", &1))
        .unwrap();
    delay_answer(&given, Verb::Create);
    let commit = begin_commit(&given, &mut request);
    let sessions = given.site.sessions();
    let ended = given.in_a_while(sessions.end_sessions_of("ada"));
    assert_eq!(ended.unwrap(), 1);
    given.store.inner().release();
    given.runtime.block_on(commit);
    assert_eq!(
        told(&given, &diary),
        [
            "created",
            "added n=1",
            "destroyed Terminated",
            "removed n=1"
        ]
    );
}

#[test]
fn an_answer_that_never_comes_holds_notices_up_until_its_deadline() {
    let (given, diary) = far();
    let mut ada = given.visitor_with_session();
    told(&given, &diary);
    let mut slow = given.request(&ada);
    slow.session.set_attribute("m", &2).unwrap();
    delay_answer(&given, Verb::Apply);
    {
        let mut commit = Box::pin(slow.exchange.commit());
        assert!(poll_once(commit.as_mut()).is_pending());
        given.visit(&mut ada, Session::invalidate).unwrap();
        assert!(told(&given, &diary).is_empty());
        assert!(given.in_a_while(commit).is_err());
    }
    // That `m` was added is known to nobody; that it is gone is.
    assert_eq!(
        told(&given, &diary),
        ["destroyed Invalidated", "removed m=2", "removed n=1"]
    );
}

#[test]
fn a_session_waits_for_no_other_one() {
    let (given, diary) = far();
    let ada = given.visitor_with_session();
    told(&given, &diary);
    let mut slow = given.request(&ada);
    slow.session.set_attribute("m", &2).unwrap();
    delay_answer(&given, Verb::Apply);
    let commit = begin_commit(&given, &mut slow);
    given.visitor_with_session();
    assert_eq!(told(&given, &diary), ["created", "added n=1"]);
    given.store.inner().release();
    given.runtime.block_on(commit);
    assert_eq!(told(&given, &diary), ["added m=2"]);
}
