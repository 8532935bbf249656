//! Random histories of two visitors, four requests at once, tasks and sockets against a small
//! model: no acknowledged write is lost, nothing that ended comes back, and a session has at most
//! one usable id.

mod book;
mod check;
mod outside;
mod world;

use std::time::Duration;

use proptest::prelude::*;

use self::book::Edit;
use self::world::World;
use crate::given::{DAY, Distance, Given};

/// What happens next. Requests are numbered; what is asked of one that is not there is nothing.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A request begins and loads its session.
    Open(usize),
    /// It changes an attribute, by one of two handles.
    Edit(usize, Edit),
    /// It sets the idle limit; `None` is for ever.
    Idle(usize, Option<u64>),
    ChangeId(usize),
    LogIn(usize, &'static str),
    LogOut(usize),
    Save(usize),
    /// Its head leaves; the body is still to come.
    Answer(usize),
    /// Its body ends.
    Finish(usize),
    /// Its client goes away.
    GoAway(usize),
    /// It leaves a handle to a task, which outlives it.
    Leave(usize),
    /// The oldest task appends something and drops its handle.
    Task,
    /// It hands an accessor to a socket.
    Socket(usize),
    /// A socket appends something.
    Access(usize),
    /// All sessions of a principal are ended from outside.
    EndAll(&'static str),
    Sweep,
    /// Time passes. Requests under way keep their sessions alive.
    Pass(u64),
    /// Everybody goes away for some time.
    Away(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let tab = || 0..4_usize;
    let edit = prop_oneof![
        2 => prop::sample::select(&["a", "b"][..]).prop_map(Edit::Set),
        1 => prop::sample::select(&["a", "b"][..]).prop_map(Edit::Remove),
        2 => Just(Edit::Add),
        2 => Just(Edit::Append),
    ];
    let name = || prop::sample::select(&["ada", "eve"][..]);
    prop_oneof![
        8 => tab().prop_map(Step::Open),
        10 => (tab(), edit).prop_map(|(tab, edit)| Step::Edit(tab, edit)),
        1 => (tab(), prop::sample::select(&[Some(35), Some(45), None][..]))
            .prop_map(|(tab, idle)| Step::Idle(tab, idle)),
        3 => tab().prop_map(Step::ChangeId),
        3 => (tab(), name()).prop_map(|(tab, name)| Step::LogIn(tab, name)),
        1 => tab().prop_map(Step::LogOut),
        3 => tab().prop_map(Step::Save),
        7 => tab().prop_map(Step::Answer),
        4 => tab().prop_map(Step::Finish),
        2 => tab().prop_map(Step::GoAway),
        1 => tab().prop_map(Step::Leave),
        2 => Just(Step::Task),
        2 => tab().prop_map(Step::Socket),
        3 => (0..3_usize).prop_map(Step::Access),
        1 => name().prop_map(Step::EndAll),
        1 => Just(Step::Sweep),
        3 => prop::sample::select(&[10, 20][..]).prop_map(Step::Pass),
        1 => prop::sample::select(&[10, 40, 50][..]).prop_map(Step::Away),
    ]
}

fn play(distance: Distance, steps: &[Step]) {
    let minutes = |minutes| Duration::from_secs(60 * minutes);
    let given = Given::at(distance, |builder| {
        let builder = builder.max_inactive_interval(minutes(book::IDLE));
        let builder = builder.absolute_timeout(minutes(book::LIFE));
        builder.keep_alive_limit(DAY)
    });
    let mut world = World::new(&given);
    for step in steps {
        world.take(*step);
        world.check_every_token();
    }
}

// Few long histories: a request takes some thirty steps, and two that want the same thing at once
// come about only after several.
proptest! {
    #![proptest_config(ProptestConfig {
        cases: 130,
        failure_persistence: None,
        max_shrink_iters: 1_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_histories_on_a_near_store_agree_with_the_model(
        steps in prop::collection::vec(step(), 100..300),
    ) {
        play(Distance::Near, &steps);
    }

    #[test]
    fn random_histories_on_a_far_store_agree_with_the_model(
        steps in prop::collection::vec(step(), 100..300),
    ) {
        play(Distance::Far, &steps);
    }
}
