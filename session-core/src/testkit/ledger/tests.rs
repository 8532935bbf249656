//! The ledger itself: what it calls a mistake.

use std::sync::Arc;

use futures_executor::block_on;

use super::{Ledger, LedgerError};
use crate::engine::Engine;
use crate::listener::{DestroyReason, Notices, SessionListener, SessionNotice, Story};
use crate::session::{Attribute, Record, Revision, SessionHandle, StoreKey, Value};
use crate::testkit::{ManualClock, Site};

/// Tells a ledger whatever a test likes.
struct Teller {
    ledger: Ledger,
    site: Site,
}

impl Teller {
    fn with(ledger: Ledger) -> Self {
        let site = Site::with(|builder| builder.listener(ledger.clone()));
        Self { ledger, site }
    }

    fn new() -> Self {
        Self::with(Ledger::new())
    }

    fn engine(&self) -> &Arc<Engine> {
        &self.site.sessions().engine
    }

    fn tell(&self, story: &Story<SessionNotice>) {
        for notice in story.notices() {
            block_on(self.ledger.notified(notice));
        }
    }

    fn create(&self, record: &Record) {
        self.tell(&Notices::of_new(self.engine(), record));
    }

    fn change(&self, before: &Record, after: &Record) {
        self.tell(&Notices::of_changed(self.engine(), before, after));
    }

    fn end(&self, record: &Record) {
        let reason = DestroyReason::Invalidated;
        self.tell(&Notices::of_ended(self.engine(), record, reason));
    }

    /// The one mistake that the ledger found.
    fn mistake(&self) -> String {
        let mistakes = self.ledger.mistakes();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        mistakes.concat()
    }

    fn imbalance(&self) -> String {
        match block_on(self.ledger.audit(self.site.sessions())) {
            Err(LedgerError::Imbalance(mistakes)) => mistakes.join("\n"),
            other => panic!("{other:?}"),
        }
    }
}

/// The session with the number `number`, under the id with the number `id`.
fn record(number: u8, id: u8, attributes: &[(&str, u64)]) -> Record {
    let key = StoreKey::from_bytes([id; 32]);
    let handle = SessionHandle::from_bytes([number; 16]);
    let mut record = Record::new(key, handle, ManualClock::START);
    let stored = attributes.iter().map(|&(name, value)| Attribute {
        name: name.into(),
        revision: Revision::new(value),
        value: Value::encode(&value, 8).unwrap(),
    });
    record.attributes = stored.collect();
    record
}

#[test]
fn what_adds_up_is_no_mistake() {
    let teller = Teller::new();
    let first = record(1, 1, &[("a", 1)]);
    let second = record(1, 2, &[("a", 2), ("b", 3)]);
    teller.create(&first);
    teller.change(&first, &second);
    assert_eq!((teller.ledger.created(), teller.ledger.live()), (1, 1));
    teller.end(&second);
    assert_eq!((teller.ledger.destroyed(), teller.ledger.live()), (1, 0));
    block_on(teller.ledger.audit(teller.site.sessions())).unwrap();
}

#[test]
fn a_session_is_created_once_and_before_everything_else() {
    let teller = Teller::new();
    teller.create(&record(1, 1, &[]));
    teller.create(&record(1, 2, &[]));
    assert!(teller.mistake().contains("created before"));

    let teller = Teller::new();
    teller.end(&record(1, 1, &[]));
    assert!(teller.mistake().contains("creation was never told"));
}

#[test]
fn nothing_becomes_of_a_session_that_was_destroyed() {
    let told_after_its_end: [fn(&Teller, &Record); 3] = [
        |teller, ended| teller.end(ended),
        |teller, ended| teller.create(ended),
        |teller, ended| teller.change(ended, &record(1, 1, &[("a", 1)])),
    ];
    for tell in told_after_its_end {
        let teller = Teller::new();
        let ended = record(1, 1, &[]);
        teller.create(&ended);
        teller.end(&ended);
        tell(&teller, &ended);
        assert!(teller.mistake().contains("before"), "{}", teller.mistake());
    }
}

#[test]
fn old_values_are_those_that_were_told_before() {
    let before = record(1, 1, &[("a", 1)]);
    let cases = [
        (record(1, 1, &[("a", 2)]), record(1, 1, &[("a", 3)])),
        (record(1, 1, &[("a", 2)]), record(1, 1, &[])),
        (record(1, 1, &[]), record(1, 1, &[("a", 3)])),
    ];
    for (told_before, after) in cases {
        let teller = Teller::new();
        teller.create(&before);
        teller.change(&told_before, &after);
        assert!(teller.mistake().contains("\"a\""));
    }
}

#[test]
fn ids_change_from_the_one_that_was_told_last() {
    let teller = Teller::new();
    teller.create(&record(1, 1, &[]));
    teller.change(&record(1, 2, &[]), &record(1, 3, &[]));
    assert!(teller.mistake().contains("id was another one"));

    let teller = Teller::new();
    teller.create(&record(1, 1, &[]));
    teller.end(&record(1, 2, &[]));
    assert!(teller.mistake().contains("never told"));
}

#[test]
fn a_session_ends_with_the_attributes_that_were_told() {
    let teller = Teller::new();
    teller.create(&record(1, 1, &[("a", 1)]));
    let mut end = Notices::of_ended(
        teller.engine(),
        &record(1, 1, &[("a", 1)]),
        DestroyReason::Expired,
    );
    // That the attribute is gone is not told.
    end.cut_to(1);
    teller.tell(&end);
    assert!(teller.imbalance().contains("never told as removed"));

    let teller = Teller::new();
    teller.create(&record(1, 1, &[("a", 1)]));
    teller.end(&record(1, 1, &[]));
    assert!(teller.mistake().contains("its attributes are []"));
}

#[test]
fn what_was_told_is_compared_with_the_store() {
    let teller = Teller::new();
    teller.create(&record(1, 1, &[]));
    let imbalance = teller.imbalance();
    assert!(imbalance.contains("it is gone, and its end was never told"));
    assert!(imbalance.contains("1 sessions were created, 0 destroyed, and 0 live"));

    // A session of which nobody was told.
    let other = Teller::new();
    let mut ada = other.site.visitor();
    block_on(ada.visit(async |session| session.set_attribute("a", &1))).unwrap();
    let ledger = Ledger::new();
    let audit = block_on(ledger.audit(other.site.sessions()));
    assert!(matches!(audit, Err(LedgerError::Imbalance(_))));
}

#[test]
fn where_answers_are_lost_only_what_is_told_twice_is_a_mistake() {
    let teller = Teller::with(Ledger::with_lost_answers());
    let first = record(1, 1, &[("a", 1)]);
    teller.end(&first);
    teller.create(&record(2, 2, &[]));
    teller.change(&record(2, 3, &[("a", 1)]), &record(2, 4, &[("a", 2)]));
    block_on(teller.ledger.audit(teller.site.sessions())).unwrap();
    teller.end(&first);
    assert!(teller.mistake().contains("ended before"));
}
