//! Created = destroyed + live, after any random history: each session is told to be created once
//! and destroyed at most once, nothing is told of it afterwards, ids and attributes are told as
//! they were and are, and each value that is bound is unbound once.

use std::fs;
use std::sync::Arc;

use proptest::prelude::*;
use session_core::testkit::store::{Door, History};
use session_core::testkit::{
    Ledger, ManualClock, ManualRuntime, SeededEntropy, Site, block_on, test_key,
};
use session_core::{Clock, MemoryStore, Session, SessionManager};

use crate::given::{HOUR, MILLISECOND, MINUTE, poll_once};

/// The rounds of a history.
fn rounds() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 1..30)
}

/// A store that is full now and then.
fn store(sessions: usize) -> Arc<MemoryStore> {
    let builder = MemoryStore::builder().max_sessions(sessions).shards(8);
    Arc::new(builder.build())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn the_ledger_balances_after_any_history_on_a_near_store(
        rounds in rounds(),
        sessions in 3..12_usize,
    ) {
        let history = History::of_rounds(rounds);
        block_on(history.play_through(Door::Immediate, store(sessions)));
    }

    #[test]
    fn the_ledger_balances_after_any_history_on_a_far_store(
        rounds in rounds(),
        sessions in 3..12_usize,
    ) {
        let history = History::of_rounds(rounds);
        block_on(history.play_through(Door::Awaited, store(sessions)));
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn with_a_runtime_it_balances_although_clients_go_away_at_any_moment(
        rounds in rounds(),
        sessions in 3..12_usize,
    ) {
        let runtime = ManualRuntime::new(ManualClock::new());
        let history = History::of_rounds(rounds).on_runtime(Arc::new(runtime.clone()));
        in_a_while(&runtime, history.play_through(Door::Awaited, store(sessions)));
    }

    #[test]
    fn nothing_is_told_twice_where_answers_of_the_store_are_lost(
        rounds in rounds(),
        sessions in 3..12_usize,
    ) {
        let history = History::of_rounds(rounds).with_lost_answers();
        block_on(history.play(store(sessions)));
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn it_balances_after_histories_of_threads(rounds in rounds(), sessions in 3..12_usize) {
        let history = History::of_rounds(rounds).on_threads();
        block_on(history.play(store(sessions)));
    }
}

/// The outcome of `future`, with tasks and sleeps of `runtime` going on.
fn in_a_while<T>(runtime: &ManualRuntime, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..1_000_000 {
        if let std::task::Poll::Ready(output) = poll_once(future.as_mut()) {
            return output;
        }
        runtime.advance(MILLISECOND);
    }
    panic!("the history never ends");
}

#[test]
fn a_ledger_goes_on_over_a_restart_with_a_snapshot() {
    let (ledger, clock, entropy) = (Ledger::new(), ManualClock::new(), SeededEntropy::new(1));
    let site = |store: &Arc<MemoryStore>| {
        let builder = SessionManager::builder()
            .secret_key(test_key())
            .shared_store(store.clone())
            .clock(clock.clone())
            .entropy(entropy.clone())
            .listener(ledger.clone());
        Site::of(builder.build().unwrap(), clock.clone())
    };
    let before = store(100);
    let first = site(&before);
    let visitors: Vec<_> = (0..10)
        .map(|number| {
            let idle = MINUTE * if number < 5 { 15 } else { 30 };
            let mut visitor = first.visitor();
            block_on(visitor.visit(async |session: Session| {
                session.set_attribute("n", &number)?;
                session.set_max_inactive_interval(idle)?;
                session.login("ada")
            }))
            .unwrap();
            visitor
        })
        .collect();
    block_on(ledger.audit(first.sessions())).unwrap();

    let name = format!("ledger-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).unwrap();
    let file = folder.join("sessions");
    before.save_snapshot(&file, clock.now()).unwrap();
    // Some expire while nothing runs.
    clock.advance(MINUTE * 16);
    let after = store(100);
    after.load_snapshot(&file, clock.now()).unwrap();
    fs::remove_dir_all(&folder).unwrap();

    let second = site(&after);
    assert_eq!(ledger.created(), 10, "loading is no creation");
    let mut ada = second.visitor();
    ada.set_cookie(visitors[8].cookie());
    block_on(ada.visit(async |session: Session| session.logout())).unwrap();
    block_on(ledger.audit(second.sessions())).unwrap();
    assert_eq!((ledger.destroyed(), ledger.live()), (6, 4));
    clock.advance(HOUR);
    block_on(ledger.audit(second.sessions())).unwrap();
    assert_eq!((ledger.destroyed(), ledger.live()), (10, 0));
}

#[test]
fn managers_that_share_a_store_share_a_ledger() {
    enum Admin {}

    let (ledger, clock, store) = (Ledger::new(), ManualClock::new(), store(100));
    let builder = || {
        SessionManager::builder()
            .secret_key(test_key())
            .shared_store(store.clone())
            .clock(clock.clone())
            .listener(ledger.clone())
    };
    let shop = Site::of(builder().build().unwrap(), clock.clone());
    let admin = builder()
        .marker::<Admin>()
        .cookie_name("__Host-admin")
        .build();
    let admin = Site::of(admin.unwrap(), clock.clone());
    block_on(async {
        for number in 0..20 {
            let (mut customer, mut clerk) = (shop.visitor(), admin.visitor());
            customer
                .visit(async |session| session.set_attribute("n", &number))
                .await
                .unwrap();
            clerk
                .visit(async |session| session.set_attribute("n", &number))
                .await
                .unwrap();
        }
        ledger.audit(shop.sessions()).await.unwrap();
        // Whoever sweeps tells of the sessions of both.
        clock.advance(HOUR);
        ledger.audit(admin.sessions()).await.unwrap();
    });
    assert_eq!((ledger.created(), ledger.destroyed()), (40, 40));
}

#[test]
fn it_balances_also_when_large_sessions_evict_thousands_of_small_ones() {
    const MEGABYTE: usize = 1 << 20;
    let (ledger, store) = (
        Ledger::new(),
        MemoryStore::builder().max_bytes(3 * MEGABYTE),
    );
    let site = Site::with(|builder| {
        let builder = builder.store(store.build()).max_bytes(MEGABYTE);
        builder.listener(ledger.clone())
    });
    let visit = |value: &str| {
        let mut visitor = site.visitor();
        block_on(visitor.visit(async |session: Session| session.set_attribute("n", value)))
    };
    while ledger.destroyed() == 0 {
        visit("small").unwrap();
    }
    let before = ledger.live();
    assert!(before > 7_000, "{before}");
    // The large ones come later, so it is the small ones that go.
    site.clock().advance(MINUTE);
    for _ in 0..2 {
        visit(&"x".repeat(MEGABYTE - 100)).unwrap();
    }
    block_on(ledger.audit(site.sessions())).unwrap();
    assert!(ledger.destroyed() > 4_500, "{ledger:?}");
}
