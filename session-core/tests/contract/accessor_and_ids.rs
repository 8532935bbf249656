//! The session outside of a request, when its id changes (`HttpSession.Accessor`).

use session_core::SessionError;

use crate::accessor::{Handler, accessor, increment};
use crate::given::{Given, MINUTE, SECOND};

#[test]
fn an_access_has_no_response_that_could_tell_a_new_id() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let accessor = accessor(&given, &mut ada);
        let access = given.in_a_while(accessor.open()).unwrap();
        assert!(matches!(
            access.login("ada"),
            Err(SessionError::ResponseCommitted)
        ));
        assert!(matches!(
            access.change_session_id(),
            Err(SessionError::ResponseCommitted)
        ));
    }
}

#[test]
fn after_a_change_of_the_id_an_accessor_is_left_behind() {
    for given in Given::near_and_far() {
        let changes: [Handler; 2] = [
            |session| session.change_session_id().map(|_| ()),
            |session| session.login("ada"),
        ];
        for change in changes {
            let mut ada = given.visitor_with_session();
            let accessor = accessor(&given, &mut ada);
            given.visit(&mut ada, change).unwrap();
            assert!(matches!(
                increment(&given, &accessor),
                Err(SessionError::Moved)
            ));
            assert_eq!(given.stored(&ada, "n"), Some(1));
        }
    }
}

#[test]
fn one_that_follows_changes_of_the_id_goes_along_again_and_again() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        let accessor = accessor(&given, &mut ada).following_id_changes();
        let clone = accessor.clone();
        for round in 0..4 {
            for _ in 0..2 {
                given
                    .visit(&mut ada, |session| session.change_session_id().map(|_| ()))
                    .unwrap();
            }
            assert_eq!(increment(&given, &accessor).unwrap(), 2 + 2 * round);
            given.pass(MINUTE * 25);
            // The forwarding entries of the first rounds are gone by the last ones.
            assert_eq!(increment(&given, &clone).unwrap(), 3 + 2 * round);
        }
        let id = given.in_a_while(accessor.open()).unwrap().id();
        assert_eq!(id, None, "the new id is the client's alone");
    }
}

#[test]
fn none_follows_a_login_and_none_that_stayed_behind_prolongs_the_session() {
    for given in Given::near_and_far() {
        for before in [None, Some("ada")] {
            let mut ada = given.visitor_with_session();
            if let Some(principal) = before {
                given
                    .visit(&mut ada, |session| session.login(principal))
                    .unwrap();
            }
            let accessor = accessor(&given, &mut ada).following_id_changes();
            given.pass(SECOND);
            given
                .visit(&mut ada, |session| session.login("ada"))
                .unwrap();
            given.pass(MINUTE * 29);
            assert!(matches!(
                increment(&given, &accessor),
                Err(SessionError::Moved)
            ));
            given.pass(MINUTE);
            assert!(!given.is_alive(&ada));
        }
    }
}

#[test]
fn an_access_that_went_along_gives_an_accessor_of_its_own() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor_with_session();
        let follower = accessor(&given, &mut ada).following_id_changes();
        given
            .visit(&mut ada, |session| session.change_session_id().map(|_| ()))
            .unwrap();
        let access = given.in_a_while(follower.open()).unwrap();
        let own = access.accessor().unwrap();
        assert_eq!(increment(&given, &own).unwrap(), 2);
    }
}

#[test]
fn an_accessor_of_a_session_that_cannot_get_an_id_is_an_error() {
    let given = Given::near();
    let request = given.request(&given.visitor());
    given.entropy.exhaust();
    assert!(matches!(
        request.session.accessor(),
        Err(SessionError::Entropy(_))
    ));
}
