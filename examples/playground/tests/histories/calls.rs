//! Calls as requests of the playground, and its responses as outcomes.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::client::{Lost, Request, Response};
use crate::history::{Attribute, Attributes, Call, Outcome, Value};

/// How the servers are asked to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// So that no increment is lost.
    Atomic,
    /// By reading and writing, which loses some.
    Naive,
}

/// A call as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    method: &'static str,
    target: String,
    body: String,
}

impl Message {
    /// The request that asks for `call`, with a pause of `delay` between loading the session and
    /// changing it.
    pub(crate) fn of(call: &Call, delay: Duration, counting: Counting) -> Self {
        let of = |attribute: &Attribute| format!("/attributes/{}", name_of(*attribute));
        let (method, mut target, body) = match call {
            Call::Get(attribute) => ("GET", of(attribute), String::new()),
            Call::Look => ("GET", "/session".into(), String::new()),
            Call::Put(attribute, value) => ("PUT", of(attribute), json_of(value).to_string()),
            Call::Delete(attribute) => ("DELETE", of(attribute), String::new()),
            Call::Increment(attribute) => ("POST", of(attribute) + "/increment", String::new()),
            Call::Append(attribute, item) => ("POST", of(attribute) + "/append", item.to_string()),
            Call::ChangeId => ("POST", "/change-id".into(), String::new()),
            Call::LogIn(principal) => (
                "POST",
                "/login".into(),
                json!({ "principal": principal }).to_string(),
            ),
            Call::Invalidate => ("POST", "/invalidate".into(), String::new()),
        };
        let mut query = Vec::new();
        // The others know no delay.
        if !delay.is_zero() && !matches!(call, Call::Get(_) | Call::Look | Call::Delete(_)) {
            query.push(format!("delay_ms={}", delay.as_millis()));
        }
        if matches!(call, Call::Increment(_)) && counting == Counting::Naive {
            query.push("mode=getset".into());
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        Self {
            method,
            target,
            body,
        }
    }

    /// The request for all that a session holds.
    pub(crate) fn look() -> Self {
        Self::of(&Call::Look, Duration::ZERO, Counting::Atomic)
    }

    pub(crate) fn request<'m>(&'m self, token: Option<&'m str>) -> Request<'m> {
        Request {
            method: self.method,
            target: &self.target,
            token,
            body: &self.body,
        }
    }
}

/// What a response to a call means.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    /// It tells all there is to know.
    Plain(Outcome),
    /// A session has this id now: the one that was there, or one that begins with a login.
    NewId(String),
}

/// What came of `call` on the session that was created at this time.
pub(crate) fn meaning(call: &Call, answer: Result<Response, Lost>, created: u64) -> Meaning {
    let Ok(response) = answer else {
        return Meaning::Plain(Outcome::Unknown);
    };
    let cookie = response.cookie.as_deref();
    let outcome = match (call, response.status, cookie) {
        (_, 503, None) => Outcome::Unknown,
        (Call::Get(_), 200, None) => value(&response).map_or_else(odd, Outcome::Found),
        (Call::Get(_), 404, None) => Outcome::Absent,
        (Call::Look, 200, None) => match seen(&response) {
            Ok(Some(seen)) if seen.created == created => {
                Outcome::Seen(seen.attributes, seen.principal)
            }
            Ok(Some(other)) => odd(format!("another session: {other:?}")),
            Ok(None) => Outcome::Absent,
            Err(reason) => Outcome::Odd(reason),
        },
        (Call::Increment(_), 200, None) => counted(&response).map_or_else(odd, Outcome::Counted),
        (Call::Increment(_), 200, Some(id)) if !id.is_empty() => match counted(&response) {
            Ok(1) => Outcome::Began,
            _ => odd(format!("{response:?}")),
        },
        (Call::ChangeId | Call::LogIn(_), 204, Some(id)) if !id.is_empty() => {
            return Meaning::NewId(id.to_owned());
        }
        (Call::Put(..) | Call::Append(..), 204, Some(id)) if !id.is_empty() => Outcome::Began,
        (Call::Put(..) | Call::Append(..) | Call::Delete(_), 204, None) => Outcome::Done,
        // Without a cookie where the session has another id by now.
        (Call::Invalidate, 204, None | Some("")) => Outcome::Done,
        (Call::Increment(_) | Call::Append(..), 400, None) => Outcome::WrongType,
        (call, 409, None) if !call.is_read() => Outcome::NoSession,
        _ => odd(format!("{response:?}")),
    };
    Meaning::Plain(outcome)
}

const fn name_of(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Name => "name",
        Attribute::Counter => "counter",
        Attribute::Register => "register",
        Attribute::List => "list",
    }
}

fn odd(reason: String) -> Outcome {
    Outcome::Odd(reason)
}

/// What `GET /session` tells of a session.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) created: u64,
    pub(crate) principal: Option<String>,
    pub(crate) attributes: Attributes,
}

/// Reads the response to `GET /session`; `None` where there is no session.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn seen(response: &Response) -> Result<Option<Seen>, String> {
    let json = json(response)?;
    if json["exists"] == json!(false) {
        return Ok(None);
    }
    let fault = || format!("{json}");
    let mut attributes = Attributes::default();
    for (name, json) in json["attributes"].as_object().ok_or_else(fault)? {
        let known = Attribute::ALL.into_iter().find(|it| name_of(*it) == name);
        attributes.set(known.ok_or_else(fault)?, Some(value_of(json)?));
    }
    Ok(Some(Seen {
        created: json["creation_time"].as_u64().ok_or_else(fault)?,
        principal: json["principal"].as_str().map(str::to_owned),
        attributes,
    }))
}

fn value(response: &Response) -> Result<Value, String> {
    value_of(&json(response)?)
}

fn counted(response: &Response) -> Result<i64, String> {
    let json = json(response)?;
    json["value"].as_i64().ok_or_else(|| json.to_string())
}

fn json(response: &Response) -> Result<Json, String> {
    serde_json::from_str(&response.body).map_err(|error| format!("{error}: {response:?}"))
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Number(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::List(list) => json!(list),
    }
}

fn value_of(json: &Json) -> Result<Value, String> {
    let list = || -> Option<Vec<i64>> { json.as_array()?.iter().map(Json::as_i64).collect() };
    if let Some(number) = json.as_i64() {
        Ok(Value::Number(number))
    } else if let Some(text) = json.as_str() {
        Ok(Value::Text(text.to_owned()))
    } else {
        let list = list().map(Value::List);
        list.ok_or_else(|| format!("nobody writes {json}"))
    }
}
