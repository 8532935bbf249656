//! Calls that are made outside of requests: by a job, by a page for operators, by a socket.

use session_core::SessionError;
use session_core::testkit::{Visitor, block_on};

use crate::requests::{Request, Wants};
use crate::scene::{Page, Scene, Start};

const fn call(name: &'static str, play: fn(&Scene, &mut Visitor) -> Page) -> Request {
    Request {
        name,
        start: Start::TwoDevices,
        wants: Wants::ToManage,
        play,
    }
}

pub(crate) const CALLS: &[Request] = &[
    Request {
        name: "a write by way of an accessor",
        start: Start::LoggedIn,
        wants: Wants::ToWrite,
        play: |scene, ada| {
            // Of a request on a store that works, opened on one that may not.
            let handle = scene.site.sessions().begin(&ada.request()).handle();
            let accessor = scene
                .run(handle.session())
                .and_then(|session| session.accessor());
            drop(handle);
            let written = accessor.and_then(|accessor| {
                scene.run(
                    accessor
                        .access::<_, SessionError>(async |session| session.set_attribute("n", &2)),
                )
            });
            Page::of(written, |()| String::new())
        },
    },
    call("`sweep()`", |scene, _| {
        let swept = scene.run(scene.site.sessions().sweep());
        Page::of(swept, |swept| format!("{swept} removed"))
    }),
    call("`census()`", |scene, _| {
        let census = scene.run(scene.site.sessions().census());
        Page::of(census, |census| format!("{} live", census.live()))
    }),
    call("`ping()`", |scene, _| {
        Page::of(scene.run(scene.site.sessions().ping()), |()| String::new())
    }),
    call("`sessions_of(..)`", |scene, _| {
        let list = scene.run(scene.site.sessions().sessions_of("ada"));
        Page::of(list, |list| format!("{} listed", list.len()))
    }),
    call("`end_session(..)` of another device", |scene, _| {
        let handle = handle_of(scene, &scene.phone);
        let ended = scene.run(scene.site.sessions().end_session("ada", &handle));
        Page::of(ended, |is_ended| {
            if is_ended { "ended" } else { "none ended" }.into()
        })
    }),
    call("`end_sessions_of(..)`", |scene, _| {
        let ended = scene.run(scene.site.sessions().end_sessions_of("ada"));
        Page::of(ended, |ended| format!("{ended} ended"))
    }),
    call("`end_other_sessions(..)`", |scene, ada| {
        let handle = handle_of(scene, ada);
        let ended = scene.run(scene.site.sessions().end_other_sessions("ada", &handle));
        Page::of(ended, |ended| format!("{ended} ended"))
    }),
    call("`end_everybody()`", |scene, _| {
        let ended = scene.run(scene.site.sessions().end_everybody());
        Page::of(ended, |()| String::new())
    }),
];

fn handle_of(scene: &Scene, visitor: &Visitor) -> session_core::SessionHandle {
    let mut quiet = scene.quiet.visitor();
    quiet.set_cookie(visitor.cookie());
    let view = block_on(quiet.begin().handle().peek_session()).unwrap();
    view.expect("the device has a session").handle()
}
