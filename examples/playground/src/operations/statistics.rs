//! `/stats` and `/metrics`: all sessions together, in numbers. No session is consulted.

use serde_json::{Map, Value, json};
use session_core::SessionStats;
use session_core::store::Verb;

use super::Outcome;
use crate::answer::Answer;
use crate::call::Call;
use crate::metrics;
use crate::monitor::{Books, Figures};

/// `GET /stats`
pub(crate) async fn stats(call: Call) -> Outcome {
    let figures = call.site.monitor.figures().await?;
    let answer = Answer::json(200, &counts(&figures));
    Ok(answer.header("cache-control", "no-store"))
}

/// `GET /metrics`
pub(crate) async fn metrics(call: Call) -> Outcome {
    let text = call.site.monitor.metrics().await;
    let answer = Answer::whole(200, metrics::CONTENT_TYPE, text);
    Ok(answer.header("cache-control", "no-store"))
}

/// What `GET /stats` tells. `created` is the sum of `expired`, `invalidated` and `live`, as far
/// as numbers can be that are read one after the other.
pub(super) fn counts(Figures { census, stats, .. }: &Figures) -> Value {
    json!({
        "created": stats.created(),
        "expired": stats.expired(),
        "invalidated": stats.invalidated(),
        "live": census.live(),
        "store_calls": store_calls(stats),
    })
}

fn store_calls(stats: &SessionStats) -> Map<String, Value> {
    let calls = |verb: Verb| {
        let calls = stats.store_calls(verb).calls;
        (verb.as_str().to_owned(), calls.into())
    };
    Verb::ALL.into_iter().map(calls).collect()
}
