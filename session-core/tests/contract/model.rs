//! Random histories of two visitors with two tabs each against a small model: no acknowledged
//! write is lost, nothing that ended comes back, and a session has at most one usable id.

mod world;

use proptest::prelude::*;

use self::world::World;
use crate::given::{Distance, Given};

#[derive(Clone, Copy, Debug)]
enum Step {
    Open(usize),
    Edit(usize, Edit),
    Rotate(usize),
    End(usize),
    Save(usize),
    Answer(usize),
    DropHandler(usize),
    Tick(u64),
    /// Everybody goes away for some minutes.
    Pause(u64),
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    Set(&'static str),
    Add,
    Append,
}

fn step() -> impl Strategy<Value = Step> {
    let tab = 0..4_usize;
    let edit = prop_oneof![
        Just(Edit::Set("a")),
        Just(Edit::Set("b")),
        Just(Edit::Add),
        Just(Edit::Append)
    ];
    prop_oneof![
        6 => tab.clone().prop_map(Step::Open),
        8 => (tab.clone(), edit).prop_map(|(tab, edit)| Step::Edit(tab, edit)),
        2 => tab.clone().prop_map(Step::Rotate),
        1 => tab.clone().prop_map(Step::End),
        2 => tab.clone().prop_map(Step::Save),
        6 => tab.clone().prop_map(Step::Answer),
        1 => tab.prop_map(Step::DropHandler),
        2 => (0..20_u64).prop_map(Step::Tick),
        1 => prop_oneof![Just(9), Just(14), Just(40)].prop_map(Step::Pause),
    ]
}

fn play(distance: Distance, steps: &[Step]) {
    let given = Given::at(distance, |builder| builder);
    let mut world = World::new(&given, distance);
    for step in steps {
        world.take(*step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_histories_on_a_near_store_agree_with_the_model(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        play(Distance::Near, &steps);
    }

    #[test]
    fn random_histories_on_a_far_store_agree_with_the_model(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        play(Distance::Far, &steps);
    }
}
