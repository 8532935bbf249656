//! What the recorder of `metrics` is given, with the feature of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use session_core::{Session, SessionManagerBuilder};

use crate::given::{DAY, Distance, Given, HOUR, MINUTE, SECOND};

/// Adds everything up, by name and labels as an exporter for Prometheus writes them; of a
/// histogram how many values there are, of a gauge the latest one.
#[derive(Clone, Default)]
struct Sums(Arc<Mutex<BTreeMap<String, u64>>>);

struct Sum {
    sums: Sums,
    name: String,
}

impl Sums {
    fn sum_of(&self, key: &Key) -> Arc<Sum> {
        let labels = key
            .labels()
            .map(|it| format!("{}={}", it.key(), it.value()));
        let labels: Vec<_> = labels.collect();
        Arc::new(Sum {
            sums: self.clone(),
            name: format!("{}{{{}}}", key.name(), labels.join(",")),
        })
    }

    /// Keeps that the name has a description.
    fn describe(&self, name: &KeyName) {
        let mut sums = self.0.lock().unwrap();
        sums.insert(format!("described {}", name.as_str()), 0);
    }

    fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap().clone()
    }
}

impl CounterFn for Sum {
    fn increment(&self, value: u64) {
        let mut sums = self.sums.0.lock().unwrap();
        *sums.entry(self.name.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {
        panic!("counters only rise");
    }
}

impl GaugeFn for Sum {
    fn increment(&self, _: f64) {
        panic!("gauges are set");
    }

    fn decrement(&self, _: f64) {
        panic!("gauges are set");
    }

    fn set(&self, value: f64) {
        assert_eq!(value.fract(), 0.0, "sessions are whole");
        let mut sums = self.sums.0.lock().unwrap();
        sums.insert(self.name.clone(), value as u64);
    }
}

impl HistogramFn for Sum {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds), "{seconds} seconds");
        CounterFn::increment(self, 1);
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.sum_of(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.sum_of(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.sum_of(key))
    }
}

/// A login and a logout, and an update that another request was faster than.
fn story(given: &Given) {
    let mut ada = given.visitor_with_session();
    let (mut slow, mut fast) = (given.request(&ada), given.request(&ada));
    for request in [&slow, &fast] {
        let add = |n: &mut u32| *n += 1;
        request.session.update_attribute("n", add).unwrap();
    }
    fast.send_head();
    let _ = given.in_a_while(slow.exchange.commit()).unwrap();
    given
        .visit(&mut ada, |session| session.login("ada"))
        .unwrap();
    given.visit(&mut ada, Session::logout).unwrap();
}

#[test]
fn the_recorder_gets_the_same_numbers_as_the_statistics() {
    for distance in [Distance::Near, Distance::Far] {
        let given = Given::at(distance, SessionManagerBuilder::statistics);
        let recorder = Sums::default();
        metrics::with_local_recorder(&recorder, || story(&given));
        let sums = recorder.all();
        assert_eq!(sums["session_created_total{}"], 1);
        assert_eq!(sums["session_renamed_total{}"], 1);
        assert_eq!(sums["session_ended_total{reason=logged_out}"], 1);
        assert_eq!(sums["session_conflicts_total{}"], 1);

        let stats = given.site.sessions().stats().unwrap();
        for verb in session_core::store::Verb::ALL {
            let of = |name: &str| sums.get(&format!("{name}{{verb={verb}}}")).copied();
            let calls = stats.store_calls(verb).calls;
            let counted = (calls > 0).then_some(calls);
            assert_eq!(of("session_store_calls_total"), counted, "{verb}");
            assert_eq!(of("session_store_seconds"), counted, "{verb}");
            assert_eq!(of("session_store_failures_total"), None, "{verb}");
        }
    }
}

#[test]
fn the_recorder_gets_nothing_unless_statistics_were_asked_for() {
    for given in Given::near_and_far() {
        let recorder = Sums::default();
        metrics::with_local_recorder(&recorder, || story(&given));
        assert_eq!(recorder.all(), BTreeMap::new());
    }
}

#[test]
fn no_label_tells_one_session_from_another() {
    let one_and_two = [1, 2].map(|visitors| {
        let given = Given::at(Distance::Near, SessionManagerBuilder::statistics);
        let recorder = Sums::default();
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..visitors {
                story(&given);
            }
        });
        recorder.all().into_keys().collect::<Vec<_>>()
    });
    assert!(!one_and_two[0].is_empty());
    assert_eq!(one_and_two[0], one_and_two[1]);
}

#[test]
fn a_census_sets_the_gauges() {
    let given = Given::at(Distance::Near, SessionManagerBuilder::statistics);
    let recorder = Sums::default();
    let live_of = |age: &str| recorder.all()[&format!("session_live_by_age{{age={age}}}")];
    metrics::with_local_recorder(&recorder, || {
        let mut old = given.visitor_with_session();
        given
            .visit(&mut old, |session| session.set_max_inactive_interval(None))
            .unwrap();
        for (passed, age) in [
            (SECOND, "1m"),
            (MINUTE * 2, "10m"),
            (MINUTE * 20, "1h"),
            (HOUR * 2, "1d"),
            (DAY * 2, "1w"),
            (DAY * 9, "older"),
        ] {
            given.pass(passed);
            given
                .runtime
                .block_on(given.site.sessions().census())
                .unwrap();
            assert_eq!(recorder.all()["session_live{}"], 1);
            assert_eq!(live_of(age), 1, "{age}");
        }
        given.visitor_with_session();
        given
            .runtime
            .block_on(given.site.sessions().census())
            .unwrap();
    });
    assert_eq!(recorder.all()["session_live{}"], 2);
    assert_eq!((live_of("1m"), live_of("older"), live_of("1d")), (1, 1, 0));
}

#[test]
fn every_count_is_described_and_there_from_zero_on() {
    let recorder = Sums::default();
    let given = metrics::with_local_recorder(&recorder, || {
        Given::at(Distance::Near, SessionManagerBuilder::statistics)
    });
    let at_first = recorder.all();
    assert!(at_first.values().all(|count| *count == 0), "{at_first:?}");
    for (event, _) in given.site.sessions().stats().unwrap().events() {
        let labels = event.reason().map(|reason| format!("reason={reason}"));
        let labels = format!("{{{}}}", labels.unwrap_or_default());
        assert!(
            at_first.keys().any(|name| name.ends_with(&labels)),
            "{event:?}"
        );
    }
    metrics::with_local_recorder(&recorder, || {
        story(&given);
        let census = given.site.sessions().census();
        given.runtime.block_on(census).unwrap();
    });
    let names = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
    let all = recorder.all();
    let told = all.keys().filter_map(|name| name.split_once('{'));
    let described = all
        .keys()
        .filter_map(|name| name.strip_prefix("described "));
    assert_eq!(
        names(told.map(|(name, _)| name.to_owned()).collect()),
        names(described.map(str::to_owned).collect())
    );
    let counters = all.keys().filter(|name| name.contains("_total{"));
    let missing: Vec<_> = counters
        .filter(|name| !at_first.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_page_for_operators_names_every_metric_and_no_other() {
    let recorder = Sums::default();
    metrics::with_local_recorder(&recorder, || {
        Given::at(Distance::Near, SessionManagerBuilder::statistics)
    });
    let all = recorder.all();
    let described = all
        .keys()
        .filter_map(|name| name.strip_prefix("described "));
    let page = include_str!("../../../docs/operations.md");
    let (_, monitoring) = page.split_once("\n## Monitoring\n").unwrap();
    let words = monitoring.split(|it: char| !it.is_ascii_lowercase() && it != '_');
    let named = words
        .filter(|word| word.starts_with("session_") && *word != "session_core")
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word));
    assert_eq!(
        named.collect::<BTreeSet<_>>(),
        described.collect::<BTreeSet<_>>()
    );
}
