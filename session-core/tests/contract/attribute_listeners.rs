//! Listeners of attributes, and hooks of one attribute (`HttpSessionAttributeListener`,
//! `HttpSessionBindingListener`).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use session_core::{
    AttributeHook, AttributeValue, Main, Session, SessionAttribute, SessionChange, SessionError,
    SessionListener, SessionNotice,
};

use crate::diary::{Diary, near_and_far, told};
use crate::given::{Distance, Given, MINUTE};

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
fn values_are_unbound_after_the_end_of_their_session_is_told_one_by_one() {
    struct Attributes(Diary);

    #[async_trait]
    impl SessionListener for Attributes {
        async fn notified(&self, notice: &SessionNotice) {
            let seat = |value: &AttributeValue| value.get::<Seat>().unwrap().0;
            self.0.write(match notice.change() {
                SessionChange::Destroyed(_) => "destroyed".into(),
                SessionChange::AttributeReplaced { name, old, value } => {
                    format!("replaced {name} {} by {}", seat(old), seat(value))
                }
                SessionChange::AttributeRemoved { name, .. } => format!("removed {name}"),
                _ => return,
            });
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let (attributes, seats) = (Attributes(diary.clone()), Seats(diary.clone()));
        let given = Given::at(distance, |builder| {
            let builder = builder.attribute_hook::<Seat>(seats);
            builder.listener(attributes)
        });
        let mut ada = given.visitor_with_session();
        for seat in [1, 2] {
            given
                .visit(&mut ada, |session| session.set(&Seat(seat)))
                .unwrap();
        }
        assert_eq!(
            told(&given, &diary),
            ["taken 1", "taken 2", "free 1", "replaced seat 1 by 2"],
            "values with hooks are told to listeners as others are"
        );
        given.visit(&mut ada, Session::invalidate).unwrap();
        assert_eq!(
            told(&given, &diary),
            ["destroyed", "removed n", "free 2", "removed seat"]
        );
    }
}

#[test]
fn a_value_can_be_read_when_it_is_told_to_be_bound_and_no_longer_when_it_is_unbound() {
    struct Looks(Diary);

    impl Looks {
        async fn look(&self, seat: &Seat, word: &str, notice: &SessionNotice) {
            let accessor = notice.accessor::<Main>();
            let now = accessor.access(async |session| session.get::<Seat>()).await;
            let now = now.unwrap().map(|seat| seat.0);
            self.0.write(format!("{word} {}: {now:?}", seat.0));
        }
    }

    #[async_trait]
    impl AttributeHook<Seat> for Looks {
        async fn bound(&self, seat: Seat, notice: &SessionNotice) {
            self.look(&seat, "bound", notice).await;
        }

        async fn unbound(&self, seat: Seat, notice: &SessionNotice) {
            self.look(&seat, "unbound", notice).await;
        }
    }

    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let looks = Looks(diary.clone());
        let given = Given::at(distance, |builder| builder.attribute_hook::<Seat>(looks));
        let mut ada = given.visitor_with_session();
        for seat in [1, 2] {
            given
                .visit(&mut ada, |session| session.set(&Seat(seat)))
                .unwrap();
            given.runtime.run_until_stalled();
        }
        given.visit(&mut ada, Session::remove::<Seat>).unwrap();
        assert_eq!(
            told(&given, &diary),
            [
                "bound 1: Some(1)",
                "bound 2: Some(2)",
                "unbound 1: Some(2)",
                "unbound 2: None"
            ]
        );
    }
}

#[test]
fn a_value_that_loses_the_race_with_the_expiry_of_its_session_is_an_error_and_never_bound() {
    for distance in [Distance::Near, Distance::Far] {
        let diary = Diary::default();
        let seats = Seats(diary.clone());
        let given = Given::at(distance, |builder| builder.attribute_hook::<Seat>(seats));
        let mut ada = given.visitor_with_session();
        given
            .visit(&mut ada, |session| session.set(&Seat(1)))
            .unwrap();
        let slow = given.request(&ada);
        slow.session.set(&Seat(2)).unwrap();
        given.pass(MINUTE * 31);
        let saved = given.in_a_while(slow.session.save());
        assert!(matches!(saved, Err(SessionError::Gone)), "{saved:?}");
        // On a near store the commits of others sweep.
        for _ in 0..2_000 {
            given.visitor_with_session();
        }
        given.pass(MINUTE);
        assert_eq!(told(&given, &diary), ["taken 1", "free 1"]);
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
