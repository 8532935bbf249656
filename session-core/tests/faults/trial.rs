//! One request under one fault, and everything that can be seen of it from outside.

use std::time::Duration;

use session_core::testkit::Verb;
use session_core::{Session, SessionEvent};

use crate::policies::Policy;
use crate::requests::Request;
use crate::scene::{Distance, Found, Page, SECOND, Scene, Trouble};

/// What is tried.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) distance: Distance,
    pub(crate) request: &'a Request,
    pub(crate) upset: Option<Upset>,
}

/// Which call goes wrong, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upset {
    pub(crate) verb: Verb,
    /// Counted from one, for its verb.
    pub(crate) n: usize,
    pub(crate) trouble: Trouble,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) page: Page,
    pub(crate) upset: Option<Upset>,
    pub(crate) before: Option<Found>,
    /// What another request made of it before this one was done.
    pub(crate) meanwhile: Option<Found>,
    /// What the next request finds with the cookie that the visitor has then.
    pub(crate) after: Option<Found>,
    /// True when the visitor has another token than before.
    pub(crate) has_another_token: bool,
    /// What each of the tokens finds that the visitor ever had.
    pub(crate) by_token: Vec<Option<Found>>,
    /// What each of the tokens finds that this response sent.
    pub(crate) by_sent_token: Vec<Option<Found>>,
    pub(crate) bob_is_untouched: bool,
    pub(crate) phone_is_untouched: bool,
    pub(crate) events: Vec<SessionEvent>,
    pub(crate) calls: Vec<Verb>,
    pub(crate) waited: Duration,
    /// Why the next request but one cannot write; empty when it can.
    pub(crate) stuck: String,
}

impl Case<'_> {
    pub(crate) fn play(&self) -> Seen {
        let scene = Scene::new(self.distance, self.policy, self.request.start);
        let mut ada = scene.ada.clone();
        let mut tokens = vec![ada.cookie()];
        let others = [scene.bob.cookie(), scene.phone.cookie()];
        let find_others = || others.clone().map(|token| scene.find(token));
        let (before, others_before) = (scene.find(ada.cookie()), find_others());
        if let Some(Upset { verb, n, trouble }) = self.upset {
            scene.upset(verb, n, trouble);
        }
        let page = (self.request.play)(&scene, &mut ada);
        let waited = scene.waited();
        // What was handed off, and given up at its deadline.
        scene.pass(SECOND * 6);
        let (calls, events) = (scene.take_calls(), scene.take_events());
        assert!(
            scene.store.inner().is_played_out(),
            "{}: the call never comes: {:?}",
            self.request.name,
            self.upset
        );
        let after = scene.find(ada.cookie());
        let [bob, phone] = find_others();
        tokens.push(ada.cookie());
        tokens.sort();
        tokens.dedup();
        let of_ada = |it: &Found| Some(it.handle) == before.as_ref().map(|it| it.handle);
        Seen {
            upset: self.upset,
            meanwhile: scene.left().filter(of_ada),
            has_another_token: scene.ada.cookie() != ada.cookie(),
            by_token: tokens.iter().map(|it| scene.find(it.clone())).collect(),
            by_sent_token: page
                .tokens
                .iter()
                .map(|token| scene.find(Some(token.clone())))
                .collect(),
            bob_is_untouched: bob == others_before[0],
            phone_is_untouched: phone == others_before[1],
            stuck: stuck(&scene, &mut ada),
            page,
            before,
            after,
            events,
            calls,
            waited,
        }
    }
}

/// Whether the visitor can go on, half a minute later.
fn stuck(scene: &Scene, ada: &mut session_core::testkit::Visitor) -> String {
    scene.pass(SECOND * 31);
    let visit = ada.visit(async |session: Session| session.set_attribute("usable", &true));
    if let Err(error) = scene.run(visit) {
        return error.to_string();
    }
    match scene.find(ada.cookie()) {
        Some(_) => String::new(),
        None => "the next session is not there".into(),
    }
}
