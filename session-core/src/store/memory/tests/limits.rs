//! Sessions and bytes are counted so that the limits hold at every moment.

use super::super::WhenFull;
use super::*;

#[test]
fn a_store_that_refuses_takes_a_new_session_when_one_has_gone() {
    let store = builder()
        .max_sessions(2)
        .when_full(WhenFull::Refuse)
        .build();
    assert_eq!(create(&store, &anonymous(1, START)), Created::Created);
    assert_eq!(create(&store, &anonymous(2, START)), Created::Created);
    assert_eq!(create(&store, &anonymous(3, START)), Created::Full);
    assert!(is_live(&store, 1, START) && is_live(&store, 2, START));
    door(&store).delete(&key(1)).unwrap();
    assert_eq!(create(&store, &anonymous(3, START)), Created::Created);
    assert_sound(&store);
}

#[test]
fn a_store_full_of_visitors_who_logged_in_refuses_the_next_one() {
    let store = builder().max_sessions(2).build();
    create(&store, &logged_in(1, START));
    create(&store, &logged_in(2, START));
    assert_eq!(create(&store, &anonymous(3, START)), Created::Full);
    assert_eq!(create(&store, &logged_in(4, START)), Created::Full);
    assert_eq!(store.len(), 2);
}

#[test]
fn a_store_full_of_expired_sessions_takes_a_new_one() {
    for when_full in [WhenFull::Refuse, WhenFull::EvictAnonymous] {
        let store = MemoryStore::builder()
            .max_sessions(2)
            .when_full(when_full)
            .build();
        create(&store, &logged_in(1, START));
        create(&store, &logged_in(2, START));
        let later = START.saturating_add(Duration::from_secs(365 * 24 * 60 * 60));
        let created = door(&store)
            .create(&anonymous(3, later), None, later)
            .unwrap();
        assert_eq!(created, Created::Created);
        let reported = sweep_all(&store, later, 10);
        assert_eq!(reported.len(), 2);
        assert_sound(&store);
    }
}

/// The nodes of those in use come up first, more of them than one sweep looks at.
#[test]
fn a_full_store_finds_the_expired_session_behind_many_that_are_in_use() {
    let minute = |minutes: u32| START.saturating_add(minutes * MINUTE);
    let store = MemoryStore::builder()
        .shards(1)
        .max_sessions(601)
        .when_full(WhenFull::Refuse)
        .build();
    for number in 0..600 {
        create(&store, &anonymous(number, START));
        apply(&store, number, &touch(minute(20)));
    }
    create(&store, &anonymous(600, minute(5)));
    assert_eq!(create(&store, &anonymous(601, minute(29))), Created::Full);
    assert_eq!(
        create(&store, &anonymous(601, minute(35))),
        Created::Created
    );
    assert!(is_live(&store, 599, minute(35)));
    assert_sound(&store);
}

#[test]
fn a_session_larger_than_the_whole_store_evicts_nobody() {
    let store = builder().max_bytes(4_000).build();
    create(&store, &anonymous(1, START));
    create(&store, &anonymous(2, START));
    assert_eq!(apply(&store, 2, &put(START, "a", 5_000)), Applied::Full);
    assert!(is_live(&store, 1, START) && is_live(&store, 2, START));
    assert_sound(&store);
}

/// Each kind of growth, in a store of one session that has room for some of it.
#[test]
fn bytes_are_counted_whatever_a_session_grows_by() {
    type Grow = fn(&MemoryStore, u64) -> Applied;
    let kinds: [(&str, Grow); 5] = [
        ("a new attribute", |store, n| {
            apply(store, 0, &put(START, &format!("{n}"), 50))
        }),
        ("a longer value", |store, n| {
            apply(
                store,
                0,
                &put(START, "a", usize::try_from(n).unwrap() * 100),
            )
        }),
        ("a new list", |store, n| {
            apply(store, 0, &append(START, &format!("{n}"), 1))
        }),
        ("a longer list", |store, _| {
            apply(store, 0, &append(START, "a", 99))
        }),
        ("another id", |store, n| {
            rename(store, n, n + 1, &touch(START))
        }),
    ];
    for (kind, grow) in kinds {
        let store = builder()
            .max_bytes(4_000)
            .when_full(WhenFull::Refuse)
            .build();
        create(&store, &anonymous(0, START));
        let grown = (0..100).take_while(|&n| {
            let before = store.bytes();
            let answer = grow(&store, n);
            assert_sound(&store);
            match answer {
                Applied::Applied { .. } => true,
                Applied::Full => {
                    assert_eq!(store.bytes(), before, "{kind}: nothing was applied");
                    false
                }
                other => panic!("{kind}: {other:?}"),
            }
        });
        assert!((2..100).contains(&grown.count()), "{kind}");
    }
}

/// A list of one item is made with the widest header, the most that an append adds.
#[test]
fn making_and_deleting_lists_leaves_no_trace_in_the_books() {
    let store = builder().build();
    for number in 0..100 {
        create(&store, &anonymous(number, START));
        apply(&store, number, &append(START, "list", 1));
        assert_sound(&store);
        door(&store).delete(&key(number)).unwrap();
    }
    assert_eq!(store.bytes(), 0);
}

#[test]
fn a_refused_change_costs_nothing() {
    let store = builder().build();
    create(&store, &anonymous(0, START));
    apply(&store, 0, &put(START, "text", 10));
    let before = store.bytes();
    let mut absent = put(START, "text", 500);
    absent.attributes[0].expected = Expected::Absent;
    assert!(matches!(apply(&store, 0, &absent), Applied::Conflict(_)));
    assert!(matches!(
        apply(&store, 0, &append(START, "text", 500)),
        Applied::NotAList(_)
    ));
    let mut large = put(START, "b", 500);
    large.limits.max_bytes = 100;
    assert_eq!(apply(&store, 0, &large), Applied::TooLarge);
    assert_eq!(rename(&store, 0, 1, &large), Applied::TooLarge);
    assert_eq!(rename(&store, 0, 0, &touch(START)), Applied::Taken);
    assert_eq!(store.bytes(), before);
    assert_sound(&store);
}

#[test]
fn a_store_without_any_room_refuses_and_does_not_hang() {
    let store = builder().max_sessions(0).build();
    assert_eq!(create(&store, &anonymous(1, START)), Created::Full);
    let store = builder().max_bytes(0).build();
    assert_eq!(create(&store, &anonymous(1, START)), Created::Full);
    assert!(store.is_empty());
}

#[test]
fn a_store_tells_whether_there_is_anything_and_prints_how_much() {
    let store = builder().build();
    assert!(store.is_empty());
    create(&store, &anonymous(1, START));
    create(&store, &anonymous(2, START));
    assert!(!store.is_empty());
    let bytes = store.bytes();
    let printed = format!("MemoryStore {{ sessions: 2, bytes: {bytes}, .. }}");
    assert_eq!(format!("{store:?}"), printed);
}

#[test]
fn a_taken_key_matters_only_to_a_session_that_could_get_it() {
    let store = builder().build();
    create(&store, &anonymous(1, START));
    create(&store, &anonymous(2, START));
    create(&store, &anonymous(9, START));
    rename(&store, 1, 3, &touch(START));
    assert_eq!(rename(&store, 2, 9, &touch(START)), Applied::Taken);
    assert_eq!(rename(&store, 1, 9, &touch(START)), Applied::Moved(key(3)));
    let later = START.saturating_add(30 * MINUTE);
    assert_eq!(rename(&store, 2, 9, &touch(later)), Applied::Gone);
}

#[test]
fn a_login_takes_room_of_its_own() {
    let (visitor, user, grown) = (builder().build(), builder().build(), builder().build());
    create(&visitor, &anonymous(1, START));
    create(&user, &logged_in(1, START));
    create(&grown, &anonymous(1, START));
    apply(&grown, 1, &login(START));
    assert!(user.bytes() > visitor.bytes() + "ada".len());
    assert_eq!(grown.bytes(), user.bytes());
    let mut longer = login(START);
    if let Some(login) = &mut longer.login {
        let key = login.authentication.key;
        login.authentication = Arc::new(Authentication::new("ada the long", key, START));
    }
    apply(&grown, 1, &longer);
    assert_eq!(grown.bytes(), user.bytes() + " the long".len());
    assert_sound(&grown);
}
