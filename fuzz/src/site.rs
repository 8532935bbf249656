//! A site with two sessions, requests to it, and what should come of them.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex};

use session_core::testkit::{ManualClock, Request, SeededEntropy, block_on};
use session_core::{
    MemoryStore, Rejection, SessionError, SessionEvent, SessionHandle, SessionManager,
};

use crate::issuer::{Id, Issuer, Signer, TOKEN_LEN, id_in};
use crate::lines::NAME;

/// The site, with what a test has to know of it.
#[derive(Debug)]
pub struct Site {
    sessions: SessionManager,
    events: Arc<Mutex<Vec<SessionEvent>>>,
    live: [(Id, SessionHandle); 2],
    issuer: Issuer,
    /// Tokens for the lines of a request.
    pub known: Known,
}

/// Texts of the length of a token.
#[derive(Debug)]
pub struct Known {
    /// Of the first session.
    pub first: String,
    /// Of the first session as well, before the key was rotated.
    pub first_by_previous_key: String,
    /// Of the second session.
    pub second: String,
    /// Of no session, yet signed.
    pub unknown: String,
    /// Of the first session, signed by a key that the site does not list.
    pub forged: String,
    /// Of the first session, as another cookie of the site would have it.
    pub of_another_cookie: String,
}

/// What the engine made of the tokens of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What came first, cut to 4,096 bytes.
    pub requested: Option<Vec<u8>>,
    /// The session that was found.
    pub session: Option<SessionHandle>,
    /// Why others were turned away, in order.
    pub rejections: Vec<Rejection>,
    /// The new token, where an older key made the one that was sent.
    pub signed_anew: Option<String>,
}

thread_local! {
    static SITE: OnceCell<Site> = const { OnceCell::new() };
}

/// Runs `test` on the one site of this process. No request changes it: its clock stands still.
pub fn on_site(test: impl FnOnce(&Site)) {
    SITE.with(|site| test(site.get_or_init(Site::new)));
}

impl Site {
    fn new() -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let sessions = SessionManager::builder()
            .secret_key(Signer::Current.secret())
            .previous_key(Signer::Previous.secret())
            .store(MemoryStore::builder().shards(1).build())
            .clock(ManualClock::new())
            .entropy(SeededEntropy::new(1))
            .on_event(move |event| heard.lock().expect("no test panics in here").push(event))
            .build()
            .expect("the defaults are a configuration");
        assert_eq!(sessions.cookie_name(), NAME);
        let (first, one) = create(&sessions);
        let (second, other) = create(&sessions);
        let live = [&first, &second].map(|token| id_in(token.as_bytes()));
        let [Some(one_id), Some(other_id)] = live else {
            panic!("the tokens have another format than these tests");
        };
        let issuer = Issuer::of(NAME);
        assert_eq!(issuer.sign(Signer::Current, &one_id), first);
        let known = Known {
            first_by_previous_key: issuer.sign(Signer::Previous, &one_id),
            unknown: issuer.sign(Signer::Current, &[7; 32]),
            forged: issuer.sign(Signer::Stranger, &one_id),
            of_another_cookie: Issuer::of("other").sign(Signer::Current, &one_id),
            first,
            second,
        };
        Self {
            sessions,
            events,
            live: [(one_id, one), (other_id, other)],
            issuer,
            known,
        }
    }

    /// The format of the site's tokens.
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The ids of the two sessions.
    pub fn ids(&self) -> [&Id; 2] {
        [&self.live[0].0, &self.live[1].0]
    }

    /// Sends a request with these `Cookie` lines.
    pub fn visit(&self, lines: &[Vec<u8>]) -> Outcome {
        self.take_events();
        let request = Request {
            cookies: lines.to_vec(),
            ..Request::default()
        };
        let mut exchange = self.sessions.begin(&request);
        let handle = exchange.handle();
        let requested = handle.requested_session_id();
        assert_eq!(
            requested.is_some(),
            handle.requested_session_id_source().is_some()
        );
        let session = block_on(async { handle.existing_session().await });
        let session = session.expect("a store in memory answers");
        let is_valid = block_on(async { handle.is_requested_session_id_valid().await });
        assert_eq!(is_valid.ok(), Some(session.is_some()));
        let session = session.map(|session| {
            let name = session.handle().expect("the session lives");
            name.expect("the session is stored")
        });
        let delivery = block_on(async { exchange.commit().await });
        let delivery = delivery.expect("nothing was changed");
        let signed_anew = delivery.set_cookie().map(token_in);
        block_on(async { exchange.finish().await }).expect("nothing was changed");
        Outcome {
            requested: requested.map(|id| id.expose().to_vec()),
            session,
            rejections: self.take_events(),
            signed_anew,
        }
    }

    /// What should come of a request with these values of the session cookie.
    pub fn expected(&self, values: &[Vec<u8>]) -> Outcome {
        let mut tokens: Vec<&Vec<u8>> = Vec::new();
        let mut outcome = Outcome {
            requested: values.first().map(|first| cut(first)),
            session: None,
            rejections: Vec::new(),
            signed_anew: None,
        };
        for value in values {
            if value.len() != TOKEN_LEN {
                outcome.rejections.push(Rejection::Malformed);
            } else if !tokens.contains(&value) {
                tokens.push(value);
            }
        }
        let mut found: Option<Id> = None;
        for token in tokens {
            let (id, signer) = match self.issuer.judge(token) {
                Ok(verified) => verified,
                Err(rejection) => {
                    outcome.rejections.push(rejection);
                    continue;
                }
            };
            if found == Some(id) {
                continue;
            }
            let Some((_, session)) = self.live.iter().find(|(live, _)| *live == id) else {
                outcome.rejections.push(Rejection::Unknown);
                continue;
            };
            if found.is_some() {
                outcome.session = None;
                outcome.signed_anew = None;
                outcome.rejections.push(Rejection::Ambiguous);
                break;
            }
            found = Some(id);
            outcome.session = Some(*session);
            outcome.signed_anew =
                (signer != Signer::Current).then(|| self.issuer.sign(Signer::Current, &id));
        }
        outcome
    }

    fn take_events(&self) -> Vec<Rejection> {
        let events = std::mem::take(&mut *self.events.lock().expect("no test panics in here"));
        let rejections = events.into_iter().filter_map(|event| match event {
            SessionEvent::Rejected(rejection) => Some(rejection),
            _ => None,
        });
        rejections.collect()
    }
}

fn create(sessions: &SessionManager) -> (String, SessionHandle) {
    let mut exchange = sessions.begin(&Request::default());
    block_on(async {
        let session = exchange.handle().session().await?;
        session.set_attribute("name", "Ada")?;
        let delivery = exchange.commit().await?;
        let token = delivery.set_cookie().map(token_in);
        let handle = session.handle()?;
        exchange.finish().await?;
        Ok::<_, SessionError>(token.zip(handle))
    })
    .expect("a store in memory answers")
    .expect("a session that was written to is stored")
}

fn token_in(set_cookie: &str) -> String {
    let pair = set_cookie.split(';').next().unwrap_or_default();
    pair.split('=').nth(1).unwrap_or_default().to_owned()
}

fn cut(value: &[u8]) -> Vec<u8> {
    value[..value.len().min(4_096)].to_vec()
}
