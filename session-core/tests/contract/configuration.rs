//! What an application configures once: impossible combinations do not build, managers stay
//! apart, and events tell without naming anybody.

use std::time::Duration;

use session_core::testkit::{ManualClock, Recording, SeededEntropy, Site, block_on, test_key};
use session_core::{
    ConfigError, EndReason, MemoryStore, PrincipalKey, Rejection, SecretKey, Session, SessionEvent,
    SessionManager, SessionManagerBuilder, StoreKey,
};

use crate::given::{Distance, Given};

fn error(configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder) -> ConfigError {
    let builder = SessionManager::builder().secret_key(test_key());
    match configure(builder).build() {
        Ok(_) => panic!("the configuration builds"),
        Err(error) => error,
    }
}

#[test]
fn without_a_key_or_with_two_current_ones_nothing_builds() {
    let none = SessionManager::builder().build();
    assert!(matches!(none, Err(ConfigError::SecretKeyCount)));
    let two = error(|builder| builder.secret_key(SecretKey::generate().unwrap()));
    assert!(matches!(two, ConfigError::SecretKeyCount));
    let only_previous = SessionManager::builder().previous_key(test_key()).build();
    assert!(matches!(only_previous, Err(ConfigError::SecretKeyCount)));
}

#[test]
fn a_site_without_room_or_without_time_does_not_build() {
    assert!(matches!(
        error(|builder| builder.max_bytes(0)),
        ConfigError::NoRoom
    ));
    assert!(matches!(
        error(|builder| builder.max_attributes(0)),
        ConfigError::NoRoom
    ));
    let no_time = error(|builder| builder.absolute_timeout(Duration::ZERO));
    assert!(matches!(no_time, ConfigError::ZeroDuration));
    let no_time = error(|builder| builder.store_timeout(Duration::ZERO));
    assert!(matches!(no_time, ConfigError::ZeroDuration));
}

#[test]
fn a_cookie_that_no_browser_keeps_does_not_build() {
    use session_core::SameSite;
    let refused: [fn(SessionManagerBuilder) -> SessionManagerBuilder; 8] = [
        |builder| builder.same_site(SameSite::None).secure(false),
        |builder| builder.partitioned(true).secure(false),
        |builder| builder.cookie_name("__Host-x").domain("example.org"),
        |builder| builder.cookie_name("__HOST-x").path("/shop"),
        |builder| builder.cookie_name("__Secure-x").secure(false),
        |builder| builder.cookie_name("a b"),
        |builder| builder.cookie_name("x").path("/a;b"),
        |builder| builder.cookie_name("x").cookie_attribute("a", "b\r\nc"),
    ];
    for configure in refused {
        assert!(matches!(error(configure), ConfigError::Cookie(_)));
    }
}

#[test]
fn too_many_keys_do_not_build() {
    let many = error(|builder| {
        (0..100).fold(builder, |builder, _| {
            builder.previous_key(SecretKey::generate().unwrap())
        })
    });
    assert!(matches!(many, ConfigError::Key(_)));
}

#[test]
fn two_managers_of_one_application_never_meet_although_they_share_key_and_store() {
    enum Admin {}
    let store = Recording::new(MemoryStore::new());
    let clock = ManualClock::new();
    let shop = {
        let store = store.clone();
        Site::with(move |builder| builder.store(store))
    };
    let admin: SessionManager<Admin> = SessionManager::builder()
        .marker::<Admin>()
        .secret_key(test_key())
        .cookie_name("__Host-admin")
        .store(store)
        .clock(clock.clone())
        .entropy(SeededEntropy::new(1))
        .build()
        .unwrap();
    let admin = Site::of(admin, clock);
    block_on(async {
        let mut ada = shop.visitor();
        ada.visit(async |session| session.login("ada"))
            .await
            .unwrap();
        let mut root = admin.visitor();
        root.set_cookie(ada.cookie());
        let principal = root
            .visit(async |session: Session<Admin>| session.principal())
            .await;
        assert_eq!(
            principal.unwrap(),
            None,
            "a token of one is no token of the other"
        );
        // The same id under the other name is another session.
        root.visit(async |session: Session<Admin>| session.login("root"))
            .await
            .unwrap();
        let principal = ada.visit(async |session| session.principal()).await;
        assert_eq!(principal.unwrap().as_deref(), Some("ada"));
    });
}

#[test]
fn what_happens_is_told_as_events() {
    for given in Given::near_and_far() {
        let mut ada = given.visitor();
        given
            .visit(&mut ada, |session| session.set_attribute("n", &1))
            .unwrap();
        given
            .visit(&mut ada, |session| session.set_attribute("n", &2))
            .unwrap();
        given
            .visit(&mut ada, |session| session.login("ada"))
            .unwrap();
        given.visit(&mut ada, Session::logout).unwrap();
        ada.set_cookie(Some("garbage".into()));
        given.visit(&mut ada, Session::is_new).unwrap();
        assert_eq!(
            given.take_events(),
            [
                SessionEvent::Created,
                SessionEvent::Renamed,
                SessionEvent::Ended(EndReason::LoggedOut),
                SessionEvent::Rejected(Rejection::Malformed),
            ]
        );
    }
}

#[test]
fn an_observer_of_events_may_use_the_site() {
    use std::sync::{Arc, OnceLock};
    let sessions: Arc<OnceLock<SessionManager>> = Arc::default();
    let seen = sessions.clone();
    let given = Given::at(Distance::Near, |builder| {
        builder.on_event(move |_| {
            if let Some(sessions) = seen.get() {
                let mut stranger = Site::of(sessions.clone(), ManualClock::new()).visitor();
                block_on(stranger.visit(async |session: Session| session.is_new())).unwrap();
            }
        })
    });
    assert!(sessions.set(given.site.sessions().clone()).is_ok());
    let ada = given.visitor_with_session();
    assert!(given.is_alive(&ada));
}

#[test]
fn nothing_that_prints_shows_an_id_a_token_or_a_key() {
    let given = Given::near();
    let mut ada = given.visitor();
    let mut request = given.request(&ada);
    request
        .session
        .set_attribute("secret", "a secret value")
        .unwrap();
    let id = request.session.id().unwrap();
    let mut printed = format!("{id:?} {:?} {:?}", request.session, request.exchange);
    let delivery = request.commit().unwrap();
    printed += &format!("{delivery:?}");
    let headers = ada.receive(delivery);
    printed += &format!(
        "{headers:?} {ada:?} {:?} {:?}",
        given.site,
        given.site.sessions()
    );
    printed += &format!("{:?} {:?}", ada.begin().handle(), ada.request());
    printed += &format!("{:?}", ada.begin().handle().requested_session_id());
    printed += &format!("{:?} {:?}", given.peek(&ada), given.take_events());
    printed += &format!("{:?} {:?}", given.store, test_key());
    let token = ada.cookie().unwrap();
    for secret in [&token, "a secret value", "a key for tests"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    for part in token.as_bytes().chunks(12) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(part.len() < 12 || !printed.contains(part));
    }
}

/// A log that says nothing at all about what it was given helps nobody.
#[test]
fn what_prints_says_what_it_is() {
    let given = Given::near();
    let ada = given.visitor_with_session();
    let mut request = given.request(&ada);
    let accessor = request.session.accessor().unwrap();
    let access = given.runtime.block_on(accessor.open()).unwrap();
    let view = given.peek(&ada).unwrap();
    let handle = view.handle();
    let fingerprint = view.fingerprint();
    let printed = [
        ("SessionId(redacted)", format!("{:?}", request.session.id())),
        (
            "CsrfToken(redacted)",
            format!("{:?}", request.session.csrf_token()),
        ),
        ("SecretKey(redacted)", format!("{:?}", test_key())),
        (
            "StoreKey(redacted)",
            format!("{:?}", StoreKey::from_bytes([7; 32])),
        ),
        (
            "PrincipalKey(redacted)",
            format!("{:?}", PrincipalKey::from_bytes([7; 32])),
        ),
        (&*format!("SessionHandle({handle})"), format!("{handle:?}")),
        (
            &*format!("Fingerprint({fingerprint})"),
            format!("{fingerprint:?}"),
        ),
        (
            "RequestedSessionId(redacted)",
            format!("{:?}", ada.begin().handle().requested_session_id()),
        ),
        ("SessionView { fingerprint: ", format!("{view:?}")),
        ("Session { namespace: ", format!("{:?}", request.session)),
        (
            "SessionAccessor { follows: false, ",
            format!("{accessor:?}"),
        ),
        ("SessionAccess", format!("{access:?}")),
        (
            "Delivery { consulted: true, tells_client: false }",
            format!("{:?}", request.commit().unwrap()),
        ),
    ];
    for (expected, printed) in printed {
        assert!(printed.contains(expected), "{printed}");
    }
}
