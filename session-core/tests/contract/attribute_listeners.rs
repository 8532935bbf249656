//! Listeners of attributes, and hooks of one attribute (`HttpSessionAttributeListener`,
//! `HttpSessionBindingListener`).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use session_core::{AttributeHook, Session, SessionAttribute, SessionNotice};

use crate::diary::{Diary, near_and_far, told};
use crate::given::{Distance, Given};

#[test]
fn attributes_are_told_as_they_were_and_are() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        told(&given, &diary);
        given
            .visit(&mut ada, |session| {
                session.set_attribute("n", &2)?;
                session.set_attribute("m", &7)
            })
            .unwrap();
        assert_eq!(told(&given, &diary), ["added m=7", "replaced n=1 by 2"]);
        given
            .visit(&mut ada, |session| session.remove_attribute("n"))
            .unwrap();
        assert_eq!(told(&given, &diary), ["removed n=2"]);
        given
            .visit(&mut ada, |session| session.set_attribute("m", &7))
            .unwrap();
        assert!(
            told(&given, &diary).is_empty(),
            "the same value is no change"
        );
    }
}

#[test]
fn the_old_value_is_the_one_that_was_replaced_not_the_one_that_was_read() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        let mut slow = given.request(&ada);
        given
            .visit(&mut ada, |session| session.set_attribute("n", &5))
            .unwrap();
        told(&given, &diary);
        slow.session.set_attribute("n", &9).unwrap();
        slow.send_head();
        assert_eq!(told(&given, &diary), ["replaced n=5 by 9"]);
    }
}

#[test]
fn a_login_over_another_principal_removes_what_was_that_ones() {
    for (given, diary) in near_and_far() {
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        told(&given, &diary);
        given
            .visit(&mut ada, |session| {
                session.login("eve")?;
                session.set_attribute("m", &3)
            })
            .unwrap();
        assert_eq!(
            told(&given, &diary),
            ["id changed", "removed n=1", "added m=3"]
        );
    }
}

/// A lock that a session holds elsewhere.
#[derive(Serialize, Deserialize)]
struct Seat(u32);

impl SessionAttribute for Seat {
    const NAME: &'static str = "seat";
}

struct Seats(Diary);

#[async_trait]
impl AttributeHook<Seat> for Seats {
    async fn bound(&self, seat: Seat, _: &SessionNotice) {
        self.0.write(format!("taken {}", seat.0));
    }

    async fn unbound(&self, seat: Seat, _: &SessionNotice) {
        self.0.write(format!("free {}", seat.0));
    }
}

#[test]
fn each_value_that_is_bound_is_unbound_once() {
    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let seats = Seats(diary.clone());
        let given = Given::at(distance, |builder| builder.attribute_hook::<Seat>(seats));
        let mut ada = given.visitor_with_session();
        for seat in [1, 2] {
            given
                .visit(&mut ada, |session| session.set(&Seat(seat)))
                .unwrap();
        }
        given.visit(&mut ada, Session::remove::<Seat>).unwrap();
        assert_eq!(
            told(&given, &diary),
            ["taken 1", "taken 2", "free 1", "free 2"]
        );
        given
            .visit(&mut ada, |session| session.set(&Seat(3)))
            .unwrap();
        given.visit(&mut ada, Session::invalidate).unwrap();
        assert_eq!(told(&given, &diary), ["taken 3", "free 3"]);
    }
}

#[test]
fn a_value_that_loses_the_race_with_the_end_of_its_session_is_never_bound() {
    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let seats = Seats(diary.clone());
        let given = Given::at(distance, |builder| builder.attribute_hook::<Seat>(seats));
        let mut ada = given.visitor_with_session();
        let slow = given.request(&ada);
        slow.session.set(&Seat(1)).unwrap();
        given.visit(&mut ada, Session::invalidate).unwrap();
        let _ = slow.end().unwrap();
        assert!(told(&given, &diary).is_empty());
    }
}
