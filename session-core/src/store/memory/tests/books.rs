//! After any operations in any order the books are right, and an emptied store is empty.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;
use crate::store::memory::budget::Budget;

/// One operation. Sessions are numbered; times are minutes.
#[derive(Clone, Debug)]
enum Step {
    /// Time passes, or the wall clock is set far ahead.
    Advance(u32),
    /// The wall clock is set back.
    SetBack(u32),
    Create {
        number: u64,
        idle: u32,
        logged_in: bool,
    },
    Load(u64),
    Put {
        number: u64,
        name: &'static str,
        length: usize,
    },
    Append {
        number: u64,
        name: &'static str,
        length: usize,
    },
    Remove {
        number: u64,
        name: &'static str,
    },
    Clear(u64),
    Idle {
        number: u64,
        minutes: u32,
    },
    LogIn(u64),
    Rename {
        old: u64,
        new: u64,
        length: usize,
        with_login: bool,
    },
    Delete(u64),
    Sweep(usize),
    SweepAll,
}

const NUMBERS: std::ops::Range<u64> = 0..10;
const NAMES: [&str; 3] = ["a", "b", "list"];

fn step() -> impl Strategy<Value = Step> {
    let name = || proptest::sample::select(&NAMES[..]);
    prop_oneof![
        3 => (0_u32..40).prop_map(Step::Advance),
        1 => (0_u32..100_000).prop_map(Step::SetBack),
        1 => (0_u32..100_000).prop_map(Step::Advance),
        8 => (NUMBERS, idle(), any::<bool>())
            .prop_map(|(number, idle, logged_in)| Step::Create { number, idle, logged_in }),
        3 => NUMBERS.prop_map(Step::Load),
        4 => (NUMBERS, name(), 0_usize..600)
            .prop_map(|(number, name, length)| Step::Put { number, name, length }),
        4 => (NUMBERS, name(), 0_usize..200)
            .prop_map(|(number, name, length)| Step::Append { number, name, length }),
        1 => (NUMBERS, name()).prop_map(|(number, name)| Step::Remove { number, name }),
        1 => NUMBERS.prop_map(Step::Clear),
        2 => (NUMBERS, idle()).prop_map(|(number, minutes)| Step::Idle { number, minutes }),
        1 => NUMBERS.prop_map(Step::LogIn),
        4 => (NUMBERS, NUMBERS, 0_usize..200, any::<bool>())
            .prop_map(|(old, new, length, with_login)| {
                Step::Rename { old, new, length, with_login }
            }),
        2 => NUMBERS.prop_map(Step::Delete),
        2 => (0_usize..4).prop_map(Step::Sweep),
        1 => Just(Step::SweepAll),
    ]
}

/// Minutes; zero is never.
fn idle() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0_u32), 5 => 1_u32..60]
}

fn run(store: &MemoryStore, step: &Step, now: Timestamp) {
    match step {
        Step::Advance(_) | Step::SetBack(_) => {}
        Step::Create {
            number,
            idle,
            logged_in,
        } => {
            let mut record = anonymous(*number, now);
            record.max_inactive_interval = (*idle * MINUTE).into();
            record.authentication = logged_in.then(|| authentication(now));
            create(store, &record);
        }
        Step::Load(number) => {
            let access = Access::Counted {
                unless_within: Duration::ZERO,
            };
            drop(door(store).load(&key(*number), access, now).unwrap());
        }
        Step::Put {
            number,
            name,
            length,
        } => {
            apply(store, *number, &put(now, name, *length));
        }
        Step::Append {
            number,
            name,
            length,
        } => {
            apply(store, *number, &append(now, name, *length));
        }
        Step::Remove { number, name } => {
            apply(store, *number, &edit(now, name, Edit::Remove));
        }
        Step::Clear(number) => {
            let mut changes = append(now, "list", 3);
            changes.clear_attributes = true;
            apply(store, *number, &changes);
        }
        Step::Idle { number, minutes } => {
            let mut changes = touch(now);
            changes.max_inactive_interval = Some((*minutes * MINUTE).into());
            apply(store, *number, &changes);
        }
        Step::LogIn(number) => {
            apply(store, *number, &login(now));
        }
        Step::Rename {
            old,
            new,
            length,
            with_login,
        } => {
            let mut changes = put(now, "a", *length);
            changes.login = login(now).login.filter(|_| *with_login);
            rename(store, *old, *new, &changes);
        }
        Step::Delete(number) => {
            drop(door(store).delete(&key(*number)).unwrap());
        }
        Step::Sweep(limit) => {
            let swept = door(store).sweep(now, *limit).unwrap();
            assert!(swept.removed.len() <= *limit);
        }
        Step::SweepAll => {
            // What made room earlier has left the books already, and waits to be reported.
            drop(store.evicted.take(usize::MAX));
            let before = store.len();
            let expired =
                |removed: &Removed| removed.reason == crate::store::RemovalReason::Expired;
            let removed = sweep_all(store, now, 2);
            assert!(
                removed
                    .iter()
                    .filter(|it| expired(it))
                    .all(|it| it.record.is_expired(now))
            );
            assert_eq!(
                store.len() + removed.iter().filter(|it| expired(it)).count(),
                before
            );
            assert_eq!(left_expired(store, now), 0, "expired sessions are left");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(512)
    })]

    #[test]
    fn the_books_are_right_after_any_steps_and_an_emptied_store_is_empty(
        shards in prop_oneof![Just(1_usize), Just(2), Just(16)],
        max_sessions in 2_usize..12,
        max_bytes in 2_000_usize..6_000,
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let store = MemoryStore::builder()
            .shards(shards)
            .max_sessions(max_sessions)
            .max_bytes(max_bytes)
            .build();
        let mut minutes = 0_u32;
        for step in &steps {
            match step {
                Step::Advance(by) => minutes = minutes.saturating_add(*by),
                Step::SetBack(by) => minutes = minutes.saturating_sub(*by),
                _ => {}
            }
            run(&store, step, START.saturating_add(minutes * MINUTE));
            assert_sound(&store);
        }
        for number in NUMBERS {
            drop(door(&store).delete(&key(number)).unwrap());
        }
        // Forwards are left, of which the latest may have been made while the clock was ahead.
        sweep_all(&store, START.saturating_add(10_000_000 * MINUTE), 3);
        assert_sound(&store);
        assert_eq!(store.budget.used(), Cost::NOTHING);
    }
}

#[test]
fn while_sessions_are_counted_other_tasks_have_a_turn_every_64_shards() {
    let store = MemoryStore::builder().shards(256).build();
    create(&store, &anonymous(1, START));
    let mut counting = pin!(store.count_live(START));
    let mut context = Context::from_waker(Waker::noop());
    let mut turns = 0;
    let census = loop {
        match counting.as_mut().poll(&mut context) {
            Poll::Ready(census) => break census,
            Poll::Pending => turns += 1,
        }
    };
    assert_eq!((census.live(), turns), (1, 4));
}

/// No estimate is known that is too low. Were there one, what goes would be given back in full,
/// and a counter would fall below zero.
#[test]
fn what_a_session_takes_is_in_the_books_whatever_was_charged_for_it() {
    for charged in 0..4 {
        for taken in 0..4 {
            let books = Budget::new(Cost::bytes(100));
            books.take(Cost::bytes(10 + charged)).unwrap();
            books.settle(charged, taken);
            assert_eq!(books.used(), Cost::bytes(10 + taken));
        }
    }
}
