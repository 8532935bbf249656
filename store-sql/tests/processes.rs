//! Several processes on one database. Each is this program once more, told what to do by its
//! environment.

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use session_core::store::{Access, Applied, Created, Loaded, SessionStore};
use session_core::{
    AtLimit, ChangeSet, Login, Record, SessionHandle, SessionLimit, StoreKey, Timestamp,
};
use store_sql::SqlStore;
use tokio::task::JoinSet;

use self::common::samples::{
    self, IDLE_LIMIT, NOW, append, increment, key, list, number, put, record,
};
use self::common::{Database, Place};

/// Who is told by this what to do is one of the other processes.
const JOB: &str = "STORE_SQL_JOB";

/// How many updates each of two processes makes at once.
const UPDATES: u8 = 64;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Ok(job) = std::env::var(JOB) {
        runtime.block_on(work(&job));
        return ExitCode::SUCCESS;
    }
    let runtime = Arc::new(runtime);
    let mut trials = Vec::new();
    for database in Database::ALL {
        for story in [
            Story::NoUpdateIsLost,
            Story::WritesFollowARotation,
            Story::SweepsReportEachOnce,
            Story::TheDeadTellNothing,
            Story::LimitsHold,
            Story::TablesAreMadeOnce,
        ] {
            let runtime = runtime.clone();
            let name = format!("{}::{}", database.name(), story.name());
            trials.push(Trial::test(name, move || {
                runtime.block_on(story.check(database));
                Ok(())
            }));
        }
    }
    trials.push(Trial::test(
        "sqlite::a_process_that_is_killed_has_written_what_it_said",
        move || {
            runtime.block_on(a_process_that_is_killed_has_written_what_it_said());
            Ok(())
        },
    ));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

#[derive(Clone, Copy)]
enum Story {
    NoUpdateIsLost,
    WritesFollowARotation,
    SweepsReportEachOnce,
    TheDeadTellNothing,
    LimitsHold,
    TablesAreMadeOnce,
}

impl Story {
    const fn name(self) -> &'static str {
        match self {
            Self::NoUpdateIsLost => "of_parallel_updates_keys_and_appends_none_is_lost",
            Self::WritesFollowARotation => "writes_in_flight_follow_a_rotation_and_one_id_is_left",
            Self::SweepsReportEachOnce => "parallel_sweeps_report_each_session_once",
            Self::TheDeadTellNothing => {
                "what_a_killed_process_took_is_reported_to_nobody_else_and_the_rest_once"
            }
            Self::LimitsHold => "logins_in_two_processes_never_exceed_the_limit",
            Self::TablesAreMadeOnce => "several_that_make_the_tables_at_once_all_find_them",
        }
    }

    async fn check(self, database: Database) {
        let place = database.place();
        match self {
            Self::NoUpdateIsLost => no_update_is_lost(&place).await,
            Self::WritesFollowARotation => writes_follow_a_rotation(&place).await,
            Self::SweepsReportEachOnce => sweeps_report_each_once(&place).await,
            Self::TheDeadTellNothing => the_dead_tell_nothing(&place).await,
            Self::LimitsHold => limits_hold(&place).await,
            Self::TablesAreMadeOnce => tables_are_made_once(&place).await,
        }
    }
}

/// Another process with a job on the same tables.
struct Other {
    child: Child,
}

impl Other {
    fn start(place: &Place, job: &str, key: &StoreKey, number: u8) -> Self {
        let program = std::env::current_exe().expect("this program");
        let job = [
            job,
            &place.url,
            &place.prefix,
            &key.to_hex(),
            &number.to_string(),
        ]
        .join("\n");
        let mut command = Command::new(program);
        command.env(JOB, job).stdout(Stdio::piped());
        let child = command.spawn().expect("another process");
        Self { child }
    }

    /// What it printed, once it has ended.
    fn lines(self) -> Vec<String> {
        let output = self.child.wait_with_output().expect("its output");
        assert!(output.status.success(), "{}", output.status);
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(str::to_owned).collect()
    }
}

fn two(place: &Place, job: &str, key: &StoreKey) -> [Vec<String>; 2] {
    let others = [0, 1].map(|number| Other::start(place, job, key, number));
    others.map(Other::lines)
}

fn key_of(hex: &str) -> StoreKey {
    let byte = |index: usize| u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).expect("hex");
    StoreKey::from_bytes(std::array::from_fn(byte))
}

/// What another process does.
async fn work(job: &str) {
    let words: Vec<_> = job.lines().collect();
    let [job, url, prefix, key, number] = words[..] else {
        panic!("five words");
    };
    let builder = SqlStore::builder(url).table_prefix(prefix);
    let builder = builder.timeout(Duration::from_secs(60));
    let store = builder
        .acquire_timeout(Duration::from_secs(60))
        .connect()
        .await;
    let (store, key) = (store.expect("a store"), key_of(key));
    let number: u8 = number.parse().expect("a number");
    match job {
        "update" => update(&store, key, number).await,
        "rotate" if number == 0 => rotate(&store, key).await,
        "rotate" => write_in_flight(&store, key).await,
        "sweep" => sweep(&store).await,
        "take" => take_and_wait(&store).await,
        "refuse" => log_in(&store, AtLimit::Refuse).await,
        "end_oldest" => log_in(&store, AtLimit::EndOldest).await,
        "make" => store.ping().await.expect("tables"),
        "write" => write_on_and_on(&store, key).await,
        other => panic!("no job is called {other}"),
    }
}

async fn stored(store: &SqlStore) -> Record {
    let record = record(key());
    let created = store.create(&record, None, NOW).await.unwrap();
    assert_eq!(created, Created::Created);
    record
}

async fn peek(store: &SqlStore, key: &StoreKey) -> Loaded {
    store.load(key, Access::Peek, NOW).await.unwrap()
}

async fn live(store: &SqlStore, key: &StoreKey) -> Record {
    match peek(store, key).await {
        Loaded::Live { record, .. } => record,
        other => panic!("the session is live, but load answered {other:?}"),
    }
}

async fn no_update_is_lost(place: &Place) {
    let store = place.store().await;
    let session = stored(&store).await;
    two(place, "update", &session.key);
    let record = live(&store, &session.key).await;
    assert_eq!(number(&record, "n"), UPDATES * 2);
    let items: BTreeSet<u8> = list(&record, "list").into_iter().collect();
    assert_eq!(
        items.len(),
        usize::from(UPDATES) * 2,
        "each append is there"
    );
    assert_eq!(list(&record, "list").len(), items.len(), "and once");
    for process in 0..2 {
        for step in 0..UPDATES {
            let name = format!("key-{process}-{step}");
            assert_eq!(number(&record, &name), 1, "{name}");
        }
    }
}

/// Counts up, adds a key and appends, so many times at once.
async fn update(store: &SqlStore, key: StoreKey, process: u8) {
    let mut tasks = JoinSet::new();
    for step in 0..UPDATES {
        let store = store.clone();
        tasks.spawn(async move {
            let mut record = live(&store, &key).await;
            loop {
                let changes = increment(&record, "n");
                match store.apply(&key, &changes, NOW).await.unwrap() {
                    Applied::Applied { .. } => break,
                    Applied::Conflict(current) => record = current,
                    other => panic!("an update is applied or a conflict, not {other:?}"),
                }
            }
            let mut changes = append("list", process * UPDATES + step);
            changes
                .attributes
                .push(put(&format!("key-{process}-{step}"), 1));
            applied(&store, &key, &changes).await;
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
}

async fn applied(store: &SqlStore, key: &StoreKey, changes: &ChangeSet) {
    let applied = store.apply(key, changes, NOW).await.unwrap();
    assert!(matches!(applied, Applied::Applied { .. }), "{applied:?}");
}

async fn writes_follow_a_rotation(place: &Place) {
    let store = place.store().await;
    let session = stored(&store).await;
    let [keys, last] = two(place, "rotate", &session.key);
    let mut keys: Vec<_> = keys.iter().map(|line| key_of(line)).collect();
    let newest = keys.pop().unwrap();
    let record = live(&store, &newest).await;
    assert_eq!(
        list(&record, "list"),
        (0..100).collect::<Vec<_>>(),
        "in their order"
    );
    let last = key_of(&last[0]);
    // The one that writes may be done before the other one begins to rotate.
    keys.push(session.key);
    assert!(last == newest || keys.contains(&last));
    for old in keys {
        let loaded = peek(&store, &old).await;
        assert!(
            matches!(loaded, Loaded::Moved { .. }),
            "one id is usable: {loaded:?}"
        );
    }
}

/// Gives a session one new key after another, and tells them.
async fn rotate(store: &SqlStore, mut current: StoreKey) {
    for _ in 0..40 {
        let new = key();
        let renamed = store
            .rename(&current, &new, &samples::touch(NOW), NOW)
            .await;
        assert!(
            matches!(renamed, Ok(Applied::Applied { .. })),
            "{renamed:?}"
        );
        current = new;
        println!("{}", new.to_hex());
    }
}

/// Writes under the key that is known, and follows the session where it went.
async fn write_in_flight(store: &SqlStore, mut key: StoreKey) {
    for number in 0..100 {
        let changes = append("list", number);
        loop {
            match store.apply(&key, &changes, NOW).await.unwrap() {
                Applied::Applied { .. } => break,
                Applied::Moved(new) => key = new,
                other => panic!("a write is applied or told the new key, not {other:?}"),
            }
        }
    }
    println!("{}", key.to_hex());
}

async fn sweeps_report_each_once(place: &Place) {
    const SESSIONS: usize = 200;
    let store = place.store().await;
    let mut expected = BTreeSet::new();
    for _ in 0..SESSIONS {
        let mut record = record(key());
        record.attributes = samples::attributes(&["a", "b"]);
        store.create(&record, None, NOW).await.unwrap();
        expected.insert(record.handle.to_string());
    }
    let immortal = {
        let mut record = record(key());
        record.max_inactive_interval = session_core::MaxInactiveInterval::Never;
        store.create(&record, None, NOW).await.unwrap();
        record.key
    };
    let others: Vec<_> = (0..4)
        .map(|number| Other::start(place, "sweep", &immortal, number))
        .collect();
    let reported: Vec<String> = others.into_iter().flat_map(Other::lines).collect();
    let distinct = BTreeSet::from_iter(reported.iter()).len();
    assert_eq!(
        (reported.len(), distinct),
        (SESSIONS, SESSIONS),
        "each is reported once"
    );
    assert_eq!(BTreeSet::from_iter(reported), expected);
    live(&store, &immortal).await;
}

async fn sweep(store: &SqlStore) {
    let now = NOW.saturating_add(IDLE_LIMIT);
    loop {
        let swept = store.sweep(now, 7).await.unwrap();
        for removed in &swept.removed {
            assert_eq!(removed.record.attributes.len(), 2);
            println!("{}", removed.record.handle);
        }
        if !swept.more {
            return;
        }
    }
}

/// A process takes some of what has expired, and is killed before it has told anybody; others
/// sweep at the same time.
async fn the_dead_tell_nothing(place: &Place) {
    const SESSIONS: usize = 60;
    let store = place.store().await;
    for _ in 0..SESSIONS {
        let mut record = record(key());
        record.attributes = samples::attributes(&["a", "b"]);
        store.create(&record, None, NOW).await.unwrap();
    }
    let mut dying = Other::start(place, "take", &key(), 0);
    let said = BufReader::new(dying.child.stdout.take().unwrap());
    let taken: BTreeSet<String> = said.lines().take(7).map(Result::unwrap).collect();
    assert_eq!(taken.len(), 7);
    let others = [0, 1].map(|number| Other::start(place, "sweep", &key(), number));
    dying.child.kill().unwrap();
    dying.child.wait().unwrap();
    let reported: Vec<String> = others.into_iter().flat_map(Other::lines).collect();
    let distinct = BTreeSet::from_iter(reported.iter().cloned());
    assert_eq!(
        (reported.len(), distinct.len()),
        (SESSIONS - 7, SESSIONS - 7),
        "each of the others is reported once"
    );
    assert!(distinct.is_disjoint(&taken), "what was taken stays taken");
    let census = store.census(NOW).await.unwrap();
    assert_eq!(census.live(), 0);
}

/// Takes seven sessions, and never gets to tell its listeners.
async fn take_and_wait(store: &SqlStore) {
    let now = NOW.saturating_add(IDLE_LIMIT);
    let swept = store.sweep(now, 7).await.unwrap();
    for removed in &swept.removed {
        println!("{}", removed.record.handle);
    }
    std::io::stdout().flush().unwrap();
    // Unless it is not killed, because whoever would is gone.
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn limits_hold(place: &Place) {
    let store = place.store().await;
    for (job, at_most_let_in) in [("refuse", 3), ("end_oldest", 40)] {
        let principals = store.principals().unwrap();
        principals
            .end_all(samples::PRINCIPAL, None, NOW)
            .await
            .unwrap();
        let let_in: usize = two(place, job, &key()).iter().map(Vec::len).sum();
        assert_eq!(let_in, at_most_let_in, "{job}");
        let listed = principals.list(samples::PRINCIPAL, NOW).await.unwrap();
        assert_eq!(listed.len(), 3, "{job}");
    }
}

/// Logs twenty sessions in at once, one half by creating them, and tells which were let in.
async fn log_in(store: &SqlStore, at_limit: AtLimit) {
    let limit = SessionLimit { max: 3, at_limit };
    let mut tasks = JoinSet::new();
    for attempt in 0..20 {
        let store = store.clone();
        tasks.spawn(async move {
            if attempt % 2 == 0 {
                let mut record = record(key());
                record.authentication = Some(samples::login(1).into());
                let created = store.create(&record, Some(limit), NOW).await.unwrap();
                return (created == Created::Created).then_some(record.handle);
            }
            let session = stored(&store).await;
            let mut login = samples::touch(NOW);
            login.login = Some(Login {
                authentication: samples::login(1).into(),
                limit: Some(limit),
                absolute_deadline: Timestamp::NEVER,
            });
            match store
                .rename(&session.key, &key(), &login, NOW)
                .await
                .unwrap()
            {
                Applied::Applied { .. } => Some(session.handle),
                Applied::Refused => None,
                other => panic!("a login is applied or refused, not {other:?}"),
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        let let_in: Option<SessionHandle> = task.unwrap();
        if let Some(handle) = let_in {
            println!("{handle}");
        }
    }
}

async fn tables_are_made_once(place: &Place) {
    let others: Vec<_> = (0..6)
        .map(|number| Other::start(place, "make", &key(), number))
        .collect();
    for other in others {
        other.lines();
    }
    let store = place.store().await;
    store.migrate().await.expect("once more");
    let session = stored(&store).await;
    live(&store, &session.key).await;
}

async fn a_process_that_is_killed_has_written_what_it_said() {
    let place = Database::Sqlite.place();
    for round in 0..4 {
        // Found again in the file, by whoever opens it next.
        let store = place.store().await;
        let session = stored(&store).await;
        let mut other = Other::start(&place, "write", &session.key, round);
        let said = BufReader::new(other.child.stdout.take().unwrap());
        let mut written: Vec<u8> = Vec::new();
        for line in said.lines() {
            written.push(line.unwrap().parse().unwrap());
            if written.len() == 30 {
                other.child.kill().unwrap();
            }
        }
        other.child.wait().unwrap();
        assert!(written.len() < 120, "it was killed amid its writes");
        let kept = list(&live(&store, &session.key).await, "list");
        assert_eq!(
            kept[..written.len()],
            written,
            "what was acknowledged is there"
        );
        assert!(
            kept.len() <= written.len() + 1,
            "and at most the one that was under way"
        );
        let checked = common::raw::sqlite_text(&place.url, "PRAGMA integrity_check").await;
        assert_eq!(checked, "ok", "the file is whole");
    }
}

async fn write_on_and_on(store: &SqlStore, key: StoreKey) {
    for number in 0..120 {
        applied(store, &key, &append("list", number)).await;
        println!("{number}");
        std::io::stdout().flush().unwrap();
    }
}
