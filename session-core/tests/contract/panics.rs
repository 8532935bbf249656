//! A panic of whatever code of the application the engine calls, at every one of its calls: no
//! part of a commit is stored without the rest, nothing is locked, and everybody can go on.

mod fused;
mod scenes;
mod store;

use std::panic::{AssertUnwindSafe, catch_unwind};

use session_core::Session;

use self::fused::Stage;
use self::scenes::{SCENES, Scene};
use crate::given::{Distance, poll_once};

/// Code of the application that the engine calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    /// `SessionAccessor::access`: the work.
    Access,
    /// `BodyExchange::poll_next`: the body.
    Body,
    Clock,
    /// `T: Default` of `update_attribute`.
    Default,
    Deserialize,
    Entropy,
    /// `Facts`: the headers of a request.
    Facts,
    /// `HeaderSink`: the headers of a response.
    HeaderSink,
    /// `AttributeHook`.
    Hook,
    /// `SessionListener`.
    Listener,
    /// `on_event`.
    Observer,
    Serialize,
    /// `skip_when`.
    Skip,
    /// `Runtime::sleep`.
    Sleep,
    /// `Runtime::spawn`.
    Spawn,
    /// A verb of a store of the application's own, before it did anything.
    StoreBefore,
    /// … and after it did.
    StoreAfter,
    /// The closure of `update_attribute`, also when it is made again.
    Update,
}

/// All of them: what the builder takes, what traits of this crate are implemented by others, and
/// what handlers give to a session.
const EVERY_CALLBACK: [Callback; 18] = [
    Callback::Access,
    Callback::Body,
    Callback::Clock,
    Callback::Default,
    Callback::Deserialize,
    Callback::Entropy,
    Callback::Facts,
    Callback::HeaderSink,
    Callback::Hook,
    Callback::Listener,
    Callback::Observer,
    Callback::Serialize,
    Callback::Skip,
    Callback::Sleep,
    Callback::Spawn,
    Callback::StoreBefore,
    Callback::StoreAfter,
    Callback::Update,
];

/// Those that are told of what happened. A fault of theirs is nobody else's (as in Servlet
/// containers), so whoever is served does not notice.
const TOLD: [Callback; 3] = [Callback::Hook, Callback::Listener, Callback::Observer];

/// Plays `scene`, with a panic at the `nth` call of `callback`. False when there are fewer calls.
fn play(scene: &Scene, distance: Distance, callback: Callback, nth: usize) -> bool {
    let mut stage = Stage::new(distance);
    stage.fuse.light(callback, nth);
    let outcome = catch_unwind(AssertUnwindSafe(|| (scene.play)(&mut stage)));
    stage.end(|stage| stage.runtime.run_until_stalled());
    let is_burnt = stage.fuse.put_out();
    let of = format!("{} ({distance:?}): call {nth} of {callback:?}", scene.name);
    match &outcome {
        Ok(Err(error)) => assert!(is_burnt, "{of}: {error}"),
        Err(_) => assert!(
            is_burnt && !TOLD.contains(&callback),
            "{of}: it comes through"
        ),
        Ok(Ok(())) => {}
    }
    judge(&mut stage, scene, matches!(outcome, Ok(Ok(()))), &of);
    is_burnt
}

fn judge(stage: &mut Stage, scene: &Scene, is_acknowledged: bool, of: &str) {
    let mut drain = Box::pin(stage.site.sessions().drain());
    assert!(
        poll_once(drain.as_mut()).is_ready(),
        "{of}: something is left under way"
    );
    drop(drain);
    let newcomer = stage.newcomer.clone();
    for name in ["first", "second"] {
        let stored = newcomer.iter().map(|it| stage.stored::<i64>(it, name));
        assert!({ stored }.all(|it| it == Some(2)), "{of}: a lost beginning");
    }
    let everybody = [stage.ada.clone(), stage.eve.clone()].into_iter();
    for visitor in &mut everybody.chain(newcomer).collect::<Vec<_>>() {
        let set = |session: &Session| session.set_attribute("usable", &true);
        let visited = stage.visit(visitor, set);
        assert!(visited.is_ok(), "{of}: {visited:?}");
        assert_eq!(stage.stored(visitor, "usable"), Some(true), "{of}");
    }
    assert!(stage.is_told_all(), "{of}: a listener waits for ever");
    let Some(state) = stage.state() else {
        return assert!(scene.ends, "{of}: the session is gone");
    };
    let (old, new) = ([Some(1); 2], [Some(2); 2]);
    assert!(
        state == old || state == new,
        "{of}: {state:?} is half of it"
    );
    assert!(
        state == new || !is_acknowledged || !scene.writes,
        "{of}: a lost write"
    );
    assert!(!(is_acknowledged && scene.ends), "{of}: a lost end");
}

#[test]
fn a_panic_at_any_call_of_any_callback_stores_no_half_and_locks_nothing() {
    let mut unheard: Vec<_> = EVERY_CALLBACK.to_vec();
    for distance in [Distance::Near, Distance::Far] {
        for scene in SCENES {
            for callback in EVERY_CALLBACK {
                let mut nth = 1;
                while play(scene, distance, callback, nth) {
                    unheard.retain(|it| *it != callback);
                    nth += 1;
                }
            }
        }
    }
    assert_eq!(unheard, [], "no scene calls these");
}
