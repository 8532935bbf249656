//! Attributes of one session (Servlet 7.4, `HttpSession`).

use serde::{Deserialize, Serialize, Serializer};
use session_core::testkit::Verb;
use session_core::{Session, SessionAttribute, SessionError};

use crate::diary::with_diary;
use crate::given::{Distance, Given, MINUTE};

#[test]
fn an_attribute_that_was_set_is_read_back() {
    let given = Given::near();
    let request = given.request(&given.visitor());
    request.session.set_attribute("name", "Ada").unwrap();
    let name: Option<String> = request.session.get_attribute("name").unwrap();
    assert_eq!(name.as_deref(), Some("Ada"));
}

#[test]
fn setting_an_attribute_again_replaces_it() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| {
            session.set_attribute("n", &2)?;
            session.set_attribute("n", &3)
        })
        .unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(3));
}

#[test]
fn an_unknown_name_reads_as_nothing() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    assert_eq!(request.session.get_attribute::<i64>("N").unwrap(), None);
}

#[test]
fn setting_nothing_removes_the_attribute() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| {
            session.set_attribute("m", &2)?;
            session.set_attribute("n", &None::<i64>)?;
            assert_eq!(session.attribute_names()?, ["m"]);
            Ok(())
        })
        .unwrap();
    assert_eq!(given.stored::<i64>(&ada, "n"), None);
    assert_eq!(given.stored(&ada, "m"), Some(2));
}

#[test]
fn removing_an_unknown_name_is_silent_and_stores_nothing() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| session.remove_attribute("unknown"))
        .unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(1));
    assert!(!given.take_calls().contains(&Verb::Apply));
}

#[test]
fn a_name_that_was_set_twice_is_listed_once() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    request.session.set_attribute("n", &2).unwrap();
    request.session.set_attribute("b", &2).unwrap();
    request.session.set_attribute("b", &3).unwrap();
    assert_eq!(request.session.attribute_names().unwrap(), ["b", "n"]);
}

#[test]
fn the_list_of_names_is_a_snapshot_that_allows_removal_on_the_way() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| {
            session.set_attribute("m", &2)?;
            for name in session.attribute_names()? {
                session.remove_attribute(&name)?;
            }
            assert!(session.attribute_names()?.is_empty());
            Ok(())
        })
        .unwrap();
    let view = given.peek(&ada).unwrap();
    assert_eq!(view.attribute_names().count(), 0);
}

#[test]
fn a_name_has_1_to_255_bytes() {
    let given = Given::near();
    let request = given.request(&given.visitor());
    let set = |length: usize| request.session.set_attribute(&"n".repeat(length), &1);
    assert!(matches!(set(0), Err(SessionError::InvalidName)));
    assert!(set(1).is_ok());
    assert!(set(255).is_ok());
    assert!(matches!(set(256), Err(SessionError::InvalidName)));
    let long = "ä".repeat(128);
    let append = request.session.append_attribute(&long, &1);
    assert!(matches!(append, Err(SessionError::InvalidName)));
    let update = request
        .session
        .update_attribute(&long, |n: &mut i64| *n += 1);
    assert!(matches!(update, Err(SessionError::InvalidName)));
}

#[test]
fn reading_and_writing_attributes_moves_no_time() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    given.pass(MINUTE);
    let request = given.request(&ada);
    let before = request.session.last_accessed_time().unwrap();
    given.pass(MINUTE);
    request.session.get_attribute::<i64>("n").unwrap();
    request.session.set_attribute("n", &2).unwrap();
    assert_eq!(request.session.last_accessed_time().unwrap(), before);
}

/// Something that no format can hold.
struct Unstorable;

impl Serialize for Unstorable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a socket cannot be stored"))
    }
}

#[test]
fn a_value_that_cannot_be_stored_is_refused_at_once_and_the_session_stays_as_it_was() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| {
            let set = session.set_attribute("n", &Unstorable);
            assert!(matches!(set, Err(SessionError::Encode { .. })));
            let append = session.append_attribute("l", &Unstorable);
            assert!(matches!(append, Err(SessionError::Encode { .. })));
            assert_eq!(session.get_attribute::<i64>("n")?, Some(1));
            session
                .attribute_names()
                .map(|names| assert_eq!(names, ["n"]))
        })
        .unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(1));
}

#[test]
fn an_attribute_of_another_type_is_an_error_of_its_own_and_loses_no_other() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| session.set_attribute("name", "Ada"))
        .unwrap();
    given
        .visit(&mut ada, |session| {
            let wrong = session.get_attribute::<Vec<bool>>("name");
            assert!(matches!(wrong, Err(SessionError::Decode { .. })));
            let update = session.update_attribute("name", |n: &mut i64| *n += 1);
            assert!(matches!(update, Err(SessionError::Decode { .. })));
            let take = session.take_attribute::<i64>("name");
            assert!(matches!(take, Err(SessionError::Decode { .. })));
            session.update_attribute("n", |n: &mut i64| *n += 1)
        })
        .unwrap();
    assert_eq!(given.stored(&ada, "n"), Some(2));
    assert_eq!(given.stored(&ada, "name"), Some("Ada".to_owned()));
}

#[test]
fn what_one_request_sets_the_next_one_reads() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let n = given.visit(&mut ada, |session| session.get_attribute::<i64>("n"));
        assert_eq!(n.unwrap(), Some(1));
    }
}

#[test]
fn a_request_sees_its_snapshot_and_its_own_changes_and_nothing_of_a_later_request() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let request = given.request(&ada);
    given
        .visit(&mut ada.clone(), |session| {
            session.set_attribute("n", &7)?;
            session.set_attribute("other", &7)
        })
        .unwrap();
    request.session.set_attribute("own", &2).unwrap();
    assert_eq!(request.session.get_attribute::<i64>("n").unwrap(), Some(1));
    assert_eq!(request.session.attribute_names().unwrap(), ["n", "own"]);
}

#[test]
fn a_request_keeps_its_snapshot_also_where_its_access_is_recorded() {
    for distance in [Distance::Near, Distance::Far] {
        let without_listener = Given::at(distance, |builder| builder);
        let (with_listener, _) = with_diary(distance, |builder| builder);
        for given in [without_listener, with_listener] {
            let ada = given.visitor_with_session();
            let mut reader = given.request(&ada);
            given
                .visit(&mut ada.clone(), |session| session.set_attribute("n", &2))
                .unwrap();
            given.pass(MINUTE * 20);
            given.take_calls();
            reader.send_head();
            assert_eq!(given.take_calls(), [Verb::Apply]);
            assert_eq!(reader.session.get_attribute("n").unwrap(), Some(1));
        }
    }
}

#[test]
fn after_save_the_session_shows_what_is_stored() {
    for given in Given::near_and_far() {
        let ada = given.visitor_with_session();
        let request = given.request(&ada);
        given
            .visit(&mut ada.clone(), |session| {
                session.set_attribute("other", &7)
            })
            .unwrap();
        request.session.set_attribute("own", &2).unwrap();
        given.runtime.block_on(request.session.save()).unwrap();
        assert_eq!(
            request.session.attribute_names().unwrap(),
            ["n", "other", "own"]
        );
    }
}

#[test]
fn setting_the_bytes_that_were_loaded_is_no_change() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| session.set_attribute("n", &1))
        .unwrap();
    given
        .visit(&mut ada, |session| {
            session.update_attribute("n", |_: &mut i64| ())
        })
        .unwrap();
    assert_eq!(given.take_calls(), [Verb::Load; 2]);
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

impl SessionAttribute for Cart {
    const NAME: &'static str = "shop.cart";
}

#[test]
fn a_typed_attribute_needs_no_name_at_the_call() {
    let given = Given::near();
    let mut ada = given.visitor();
    given
        .visit(&mut ada, |session| {
            session.set(&Cart {
                items: vec!["book".into()],
            })?;
            session.update::<Cart, _>(|cart| cart.items.push("pen".into()))
        })
        .unwrap();
    let cart: Cart = given.stored(&ada, "shop.cart").unwrap();
    assert_eq!(cart.items, ["book", "pen"]);
    given.visit(&mut ada, Session::remove::<Cart>).unwrap();
    assert_eq!(given.visit(&mut ada, Session::get::<Cart>).unwrap(), None);
}

#[test]
fn an_update_starts_an_absent_attribute_from_its_default_and_answers_the_new_value() {
    let given = Given::near();
    let request = given.request(&given.visitor());
    let n = request
        .session
        .update_attribute("visits", |n: &mut i64| *n += 5);
    assert_eq!(n.unwrap(), 5);
    assert_eq!(
        request.session.get_attribute::<i64>("visits").unwrap(),
        Some(5)
    );
}

#[test]
fn an_update_to_nothing_removes_the_attribute() {
    let given = Given::near();
    let mut ada = given.visitor_with_session();
    given
        .visit(&mut ada, |session| {
            session.update_attribute("n", |n: &mut Option<i64>| *n = None)
        })
        .unwrap();
    assert_eq!(given.peek(&ada).unwrap().attribute_names().count(), 0);
}

#[test]
fn an_appended_item_is_read_back_as_the_end_of_the_list() {
    let given = Given::near();
    let mut ada = given.visitor();
    given
        .visit(&mut ada, |session| {
            session.append_attribute("chat", "hello")
        })
        .unwrap();
    given
        .visit(&mut ada, |session| {
            session.append_attribute("chat", "and")?;
            session.append_attribute("chat", "goodbye")?;
            let chat: Vec<String> = session.get_attribute("chat")?.unwrap_or_default();
            assert_eq!(chat, ["hello", "and", "goodbye"]);
            Ok(())
        })
        .unwrap();
    let chat: Vec<String> = given.stored(&ada, "chat").unwrap();
    assert_eq!(chat, ["hello", "and", "goodbye"]);
}

#[test]
fn appending_to_what_is_no_list_is_refused_at_once() {
    let given = Given::near();
    let request = given.request(&given.visitor_with_session());
    let append = request.session.append_attribute("n", &2);
    assert!(matches!(append, Err(SessionError::NotAList { .. })));
    assert_eq!(request.session.get_attribute::<i64>("n").unwrap(), Some(1));
}

#[test]
fn taking_an_attribute_reads_it_once() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let take = |session: &Session| session.take_attribute::<i64>("n");
        assert_eq!(given.visit(&mut ada, take).unwrap(), Some(1));
        assert_eq!(given.visit(&mut ada, take).unwrap(), None);
    }
}

#[test]
fn a_session_over_its_byte_limit_is_refused_at_the_call_that_fills_it() {
    let given = Given::at(Distance::Near, |builder| builder.max_bytes(100));
    let mut ada = given.visitor();
    let outcome = given.visit(&mut ada, |session| {
        session.set_attribute("a", &"x".repeat(60))?;
        let too_large = session.set_attribute("b", &"x".repeat(60));
        assert!(matches!(too_large, Err(SessionError::TooLarge)));
        let too_large = session.append_attribute("l", &"x".repeat(60));
        assert!(matches!(too_large, Err(SessionError::TooLarge)));
        session.set_attribute("a", &"x".repeat(10))?;
        session.set_attribute("b", &"x".repeat(60))
    });
    outcome.unwrap();
    assert_eq!(given.peek(&ada).unwrap().attribute_names().count(), 2);
}

#[test]
fn a_session_of_exactly_its_byte_limit_has_room() {
    let given = Given::at(Distance::Near, |builder| builder.max_bytes(100));
    let request = given.request(&given.visitor());
    // A name of one byte, and two bytes of MessagePack in front of a text of this length.
    let too_large = request.session.set_attribute("a", &"x".repeat(98));
    assert!(matches!(too_large, Err(SessionError::TooLarge)));
    request.session.set_attribute("a", &"x".repeat(97)).unwrap();
    given.runtime.block_on(request.session.save()).unwrap();
}

#[test]
fn a_session_over_its_attribute_limit_is_refused_at_the_call_that_fills_it() {
    let given = Given::at(Distance::Near, |builder| builder.max_attributes(2));
    let request = given.request(&given.visitor());
    request.session.set_attribute("a", &1).unwrap();
    request.session.set_attribute("b", &1).unwrap();
    let third = request.session.set_attribute("c", &1);
    assert!(matches!(third, Err(SessionError::TooLarge)));
    request.session.remove_attribute("a").unwrap();
    request.session.set_attribute("c", &1).unwrap();
}

#[test]
fn limits_count_what_other_requests_added_meanwhile() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, |builder| builder.max_attributes(2));
        let ada = given.visitor_with_session();
        let mut request = given.request(&ada);
        request.session.set_attribute("own", &1).unwrap();
        given
            .visit(&mut ada.clone(), |session| {
                session.set_attribute("other", &1)
            })
            .unwrap();
        let refused = request.commit();
        assert!(matches!(refused, Err(SessionError::TooLarge)));
        assert_eq!(refused.unwrap_err().status(), 413);
        assert_eq!(given.stored::<i64>(&ada, "own"), None);
    }
}
