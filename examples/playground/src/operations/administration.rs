//! `/admin` and below: what an administrator sees and may do. The routes consult no session; who
//! is let in is said at [`Admission`](crate::admission::Admission).

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use session_core::{PrincipalSession, SessionEvent, SessionStats, Timestamp};

use super::{Outcome, statistics};
use crate::answer::Answer;
use crate::call::Call;
use crate::monitor::{Figures, Sample};
use crate::origin;
use crate::page;
use crate::refusal::Refusal;

/// `GET /admin`
pub(crate) async fn page(call: Call) -> Outcome {
    call.site.admission.admit(&call.provenance)?;
    page::file(call).await
}

/// `GET /admin/figures?since=MS`
pub(crate) async fn figures(call: Call) -> Outcome {
    call.site.admission.admit(&call.provenance)?;
    let since = call.query()?.number("since")?.unwrap_or(0);
    let monitor = &call.site.monitor;
    let figures = monitor.figures().await?;
    let mut samples = monitor.samples_since(Timestamp::from_millis(since));
    samples.push(Sample {
        at: figures.at,
        live: figures.census.live(),
    });
    answered(&json!({
        "now": figures.at.as_millis(),
        "stats": statistics::counts(&figures),
        "ends": ends(&figures.stats),
        "by_age": by_age(&figures),
        "samples": samples.iter().map(told).collect::<Vec<_>>(),
    }))
}

/// `GET /admin/sessions?principal=NAME`
pub(crate) async fn sessions(call: Call) -> Outcome {
    call.site.admission.admit(&call.provenance)?;
    let query = call.query()?;
    let principal = query.required("principal")?;
    let theirs = call.site.sessions.sessions_of(principal).await?;
    let theirs: Vec<Value> = theirs.iter().map(listed).collect();
    answered(&json!({ "principal": principal, "sessions": theirs }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    principal: String,
    handle: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllOf {
    principal: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Everybody {}

/// `POST /admin/end`
pub(crate) async fn end(call: Call) -> Outcome {
    let One { principal, handle } = order(&call)?;
    let handle = handle.parse().map_err(|_| Refusal::NoSuchSession)?;
    match call.site.sessions.end_session(&principal, &handle).await? {
        true => Ok(Answer::no_content()),
        false => Err(Refusal::NoSuchSession),
    }
}

/// `POST /admin/end-all`
pub(crate) async fn end_all(call: Call) -> Outcome {
    let AllOf { principal } = order(&call)?;
    let ended = call.site.sessions.end_sessions_of(&principal).await?;
    answered(&json!({ "ended": ended }))
}

/// `POST /admin/log-everyone-out`
pub(crate) async fn log_everyone_out(call: Call) -> Outcome {
    let Everybody {} = order(&call)?;
    call.site.sessions.end_everybody().await?;
    Ok(Answer::no_content())
}

/// What the page orders to be done.
fn order<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    call.site.admission.admit(&call.provenance)?;
    origin::question(&call.provenance, &call.body)
}

fn answered(value: &Value) -> Outcome {
    Ok(Answer::json(200, value).header("cache-control", "no-store"))
}

/// Moment and number, in milliseconds since the epoch.
fn told(sample: &Sample) -> (u64, usize) {
    (sample.at.as_millis(), sample.live)
}

/// How sessions ended, by reason.
fn ends(stats: &SessionStats) -> Map<String, Value> {
    let is_end = |event| matches!(event, SessionEvent::Ended(_) | SessionEvent::Removed(_));
    let ends = stats.events().filter(|(event, _)| is_end(*event));
    let by_reason = ends.filter_map(|(event, count)| Some((event.reason()?, count)));
    by_reason
        .map(|(reason, count)| (reason.to_owned(), count.into()))
        .collect()
}

/// The classes of age, each with the oldest age in seconds; null for the one without a limit.
fn by_age(figures: &Figures) -> Vec<Value> {
    let classes = figures.census.ages();
    classes
        .map(|(limit, sessions)| {
            let at_most = limit.map(|limit| limit.as_secs());
            json!({ "at_most": at_most, "sessions": sessions })
        })
        .collect()
}

/// One session of a principal; times in milliseconds since the epoch.
fn listed(one: &PrincipalSession) -> Value {
    json!({
        "handle": one.handle().to_string(),
        "label": one.label(),
        "creation_time": one.creation_time().as_millis(),
        "authenticated_at": one.authenticated_at().as_millis(),
        "last_accessed_time": one.last_accessed_time().as_millis(),
        "expires_at": one.expires_at().map(Timestamp::as_millis),
    })
}
