//! A session that holds secrets of every kind, and what they are.

use std::sync::Arc;
use std::time::Duration;

use session_core::store::SessionStore;
use session_core::testkit::{ManualClock, SeededEntropy, Site, Visitor};
use session_core::{
    Clock, MemoryStore, Record, SecretKey, SessionAttribute, SessionListener, SessionManager,
    SessionNotice,
};
use store_redis::RedisStore;
use store_sql::SqlStore;
use testbed::secrets::Secrets;
use testbed::{Kind, Place, Store};

pub(crate) const KEY: &str = "hZ4tR9vK2pW7mX5qB8nD3sF6gJ1cL0yA";
pub(crate) const OLDER_KEY: &str = "Qe7Yb2Lk9Vs4Xn6Tz1Mc8Rh3Wd5Pf0Ju";

/// The value of the attribute, which is nobody's business.
pub(crate) const VALUE: &str = "my diary of the 24th of October, and of no other day";

/// The attribute with a type of its own.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Diary(pub(crate) String);

impl SessionAttribute for Diary {
    const NAME: &'static str = "diary";
}

/// Everything that there is to be printed, and must not be.
pub(crate) struct Material {
    pub(crate) site: Site,
    pub(crate) store: Arc<MemoryStore>,
    /// Somebody who is logged in, with something in the session.
    pub(crate) visitor: Visitor,
    pub(crate) csrf: String,
    /// The session as a store keeps it.
    pub(crate) record: Record,
    /// What a listener was told of the session.
    pub(crate) notices: Vec<SessionNotice>,
    pub(crate) sql: SqlStore,
    pub(crate) redis: Option<RedisStore>,
    pub(crate) secrets: Secrets,
    lines: Vec<String>,
    _place: Place,
}

impl Material {
    pub(crate) async fn new() -> Self {
        let told = Told::default();
        let (site, store) = site(&told);
        let (visitor, csrf) = visit(&site).await;
        let place = Store::Sqlite.place().unwrap();
        let mut redis = None;
        if Store::present().any(|store| store == Store::On(Kind::Redis)) {
            let url = testbed::shared(Kind::Redis).unwrap();
            redis = Some(RedisStore::connect(&url).await.unwrap());
        }
        let notices = told.0.lock().clone();
        let mut material = Self {
            record: record().await,
            notices,
            sql: SqlStore::connect(place.url()).await.unwrap(),
            redis,
            secrets: Secrets::noted([]).unwrap(),
            lines: Vec::new(),
            site,
            store,
            visitor,
            csrf,
            _place: place,
        };
        material.note();
        material
    }

    fn note(&mut self) {
        let token = self.token();
        for secret in [&*token, &*self.csrf, KEY, OLDER_KEY, VALUE] {
            self.lines.push(format!("text {}", hex(secret.as_bytes())));
        }
        let authentication = self.record.authentication.as_ref().unwrap();
        for digest in [self.record.key.to_hex(), authentication.key.to_hex()] {
            self.lines.push(format!("bytes {digest}"));
        }
        let lines = self.lines.iter().map(String::as_str);
        self.secrets = Secrets::noted(lines).unwrap();
    }

    /// The bytes of all secrets as they were noted.
    pub(crate) fn plain(&self) -> Vec<Vec<u8>> {
        let digits = self.lines.iter().filter_map(|line| line.split(' ').nth(1));
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).unwrap();
            u8::from_str_radix(pair, 16).unwrap()
        };
        digits
            .map(|digits| digits.as_bytes().chunks(2).map(byte).collect())
            .collect()
    }

    pub(crate) fn token(&self) -> String {
        self.visitor.cookie().unwrap()
    }
}

/// What a listener is told.
#[derive(Clone, Default)]
struct Told(Arc<parking_lot::Mutex<Vec<SessionNotice>>>);

impl SessionListener for Told {
    fn notified<'life0, 'life1, 'async_trait>(
        &'life0 self,
        notice: &'life1 SessionNotice,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        self.0.lock().push(notice.clone());
        Box::pin(async {})
    }
}

fn site(told: &Told) -> (Site, Arc<MemoryStore>) {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::new());
    let sessions = SessionManager::builder()
        .secret_key(SecretKey::new(KEY).unwrap())
        .previous_key(SecretKey::new(OLDER_KEY).unwrap())
        .shared_store(store.clone())
        .clock(clock.clone())
        .entropy(SeededEntropy::new(42))
        .listener(told.clone())
        .statistics()
        .build()
        .unwrap();
    (Site::of(sessions, clock), store)
}

/// A visit that leaves a value in the session, another that replaces it, and a login.
async fn visit(site: &Site) -> (Visitor, String) {
    let mut visitor = site.visitor();
    for value in ["nothing yet", VALUE] {
        let write = visitor.visit(async |session| session.set(&Diary(value.into())));
        write.await.unwrap();
    }
    let login = visitor.visit(async |session| session.login("ada"));
    login.await.unwrap();
    let csrf = visitor.visit(async |session| Ok(session.csrf_token()?.as_str().to_owned()));
    let csrf = csrf.await.unwrap();
    (visitor, csrf)
}

/// The record of a session that came about in the same way, under the same id: a store hands it
/// out when it has expired.
async fn record() -> Record {
    let (twin, store) = site(&Told::default());
    visit(&twin).await;
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let later = twin.clock().now().saturating_add(year);
    // A step looks at a part of the store.
    for _ in 0..100_000 {
        let swept = SessionStore::sweep(&*store, later, 10).await.unwrap();
        if let Some(removed) = swept.removed.into_iter().next() {
            return removed.record;
        }
    }
    panic!("the session has expired, and is not removed");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
