//! The lists of who has which sessions, beside the sessions and under other locks.

use std::sync::Arc;

use session_core::store::{Applied, Created, SessionStore};
use session_core::testkit::block_on;
use session_core::{
    AtLimit, Authentication, ChangeSet, Login, MemoryStore, PrincipalKey, Record, SessionLimit,
};
use shuttle::thread;

use crate::explore::explore;
use crate::tables::*;

const ADA: PrincipalKey = PrincipalKey::from_bytes([0xad; 32]);

fn logged_in(number: u8) -> Record {
    let mut record = record(number, START);
    record.authentication = Some(Arc::new(Authentication::new("ada", ADA, START)));
    record
}

fn login(limit: Option<SessionLimit>) -> ChangeSet {
    let mut changes = touch();
    changes.login = Some(Login {
        authentication: Arc::new(Authentication::new("ada", ADA, START)),
        limit,
        absolute_deadline: START.saturating_add(DAY),
    });
    changes
}

/// What the list says, which must be what can be loaded under the keys below `keys`.
fn assert_listed(store: &MemoryStore, keys: u8) -> usize {
    let index = store.principals().expect("the store knows principals");
    let mut listed: Vec<_> = block_on(index.list(&ADA, START)).unwrap();
    let mut found: Vec<_> = (0..keys)
        .filter_map(|number| live(store, &key(number), START))
        .filter(|record| record.authentication.is_some())
        .collect();
    listed.sort_by_key(|record| record.key);
    found.sort_by_key(|record| record.key);
    let keys = |records: &[Record]| records.iter().map(|it| it.key).collect::<Vec<_>>();
    assert_eq!(keys(&listed), keys(&found), "the list");
    found.len()
}

#[test]
fn a_limit_of_sessions_holds_under_logins_at_once() {
    for at_limit in [AtLimit::EndOldest, AtLimit::Refuse] {
        explore(move || {
            let limit = Some(SessionLimit { max: 1, at_limit });
            let store = Arc::new(small());
            let sides: Vec<_> = (0..3)
                .map(|number| {
                    let store = store.clone();
                    thread::spawn(move || {
                        if number == 2 {
                            let created = door(&store).create(&logged_in(2), limit, START);
                            return created.unwrap() == Created::Created;
                        }
                        create(&store, &record(number, START));
                        let (old, new) = (key(number), key(number + 10));
                        let renamed = door(&store).rename(&old, &new, &login(limit), START);
                        matches!(renamed.unwrap(), Applied::Applied { .. })
                    })
                })
                .collect();
            let did = sides.into_iter().map(|side| side.join().unwrap());
            let did = did.filter(|did| *did).count();
            assert_eq!(assert_listed(&store, 20), 1);
            match at_limit {
                AtLimit::Refuse => assert_eq!(did, 1),
                _ => assert_eq!(did, 3),
            }
            assert_even(&store);
        });
    }
}

/// A session of Ada's gets other keys, is ended, or expires, while her list is read and
/// corrected.
#[test]
fn a_list_says_what_there_is_after_renames_logins_and_ends_at_once() {
    explore(|| {
        let store = Arc::new(small());
        create(&store, &logged_in(0));
        create(&store, &logged_in(1));
        let renaming = store.clone();
        let renaming = thread::spawn(move || {
            for (from, to) in [(0, 2), (2, 3)] {
                let _ = door(&renaming).rename(&key(from), &key(to), &touch(), START);
            }
        });
        let changing = store.clone();
        let changing = thread::spawn(move || {
            let _ = door(&changing).rename(&key(0), &key(4), &login(None), START);
            door(&changing).sweep(START, 2).unwrap();
            end(&changing, key(1));
            door(&changing).sweep(START, 2).unwrap();
        });
        let index = store.principals().expect("the store knows principals");
        let listed = block_on(index.list(&ADA, START)).unwrap();
        assert!(listed.len() <= 2);
        renaming.join().unwrap();
        changing.join().unwrap();
        assert_eq!(assert_listed(&store, 5), 1);
        assert_even(&store);
    });
}

#[test]
fn log_out_everywhere_ends_what_was_there_whatever_key_it_gets_meanwhile() {
    explore(|| {
        let store = Arc::new(small());
        create(&store, &logged_in(0));
        create(&store, &logged_in(1));
        let renaming = store.clone();
        let renaming = thread::spawn(move || {
            let _ = door(&renaming).rename(&key(0), &key(2), &touch(), START);
            follow(&renaming, key(0), &append("list"));
        });
        let index = store.principals().expect("the store knows principals");
        let ended = block_on(index.end_all(&ADA, None, START)).unwrap();
        renaming.join().unwrap();
        assert_eq!(ended.len(), 2);
        assert_eq!(assert_listed(&store, 3), 0);
        assert_even(&store);
    });
}
