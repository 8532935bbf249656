//! `/attributes/{name}` and what is below it.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use session_core::{Session, SessionError};

use super::{Outcome, pause};
use crate::answer::Answer;
use crate::arguments::BadArgument;
use crate::call::Call;
use crate::refusal::Refusal;

/// `GET /attributes/{name}`
pub(crate) async fn get(call: Call) -> Outcome {
    let name = call.name()?;
    let Some(session) = call.existing_session().await? else {
        return Err(Refusal::NoAttribute);
    };
    let value: Option<Value> = session.get_attribute(&name)?;
    let value = value.ok_or(Refusal::NoAttribute)?;
    Ok(Answer::json(200, &value))
}

/// `PUT /attributes/{name}`
pub(crate) async fn set(call: Call) -> Outcome {
    let (name, delay) = (call.name()?, call.delay()?);
    let value: Value = call.json()?;
    let session = call.session().await?;
    pause(delay).await;
    session.set_attribute(&name, &value)?;
    session.save().await?;
    Ok(Answer::no_content())
}

/// `DELETE /attributes/{name}`
pub(crate) async fn remove(call: Call) -> Outcome {
    let name = call.name()?;
    // To remove what is not there is no write, so this creates no session.
    let session = call.session().await?;
    session.remove_attribute(&name)?;
    session.save().await?;
    Ok(Answer::no_content())
}

/// `POST /attributes/{name}/append`
pub(crate) async fn append(call: Call) -> Outcome {
    let (name, delay) = (call.name()?, call.delay()?);
    let item: Value = call.json()?;
    let session = call.session().await?;
    pause(delay).await;
    session.append_attribute(&name, &item)?;
    session.save().await?;
    Ok(Answer::no_content())
}

/// `POST /attributes/{name}/increment`
pub(crate) async fn increment(call: Call) -> Outcome {
    let (name, delay) = (call.name()?, call.delay()?);
    let increment = match call.query()?.text("mode")? {
        None | Some("update") => Increment::Update,
        Some("getset") => Increment::GetSet,
        Some(_) => return Err(BadArgument::Parameter("mode").into()),
    };
    let session = call.session().await?;
    increment.run(&session, &name, delay).await?;
    session.save().await?;
    // What another request added meanwhile counts too: after `save` the session shows it.
    let committed: Option<i64> = session.get_attribute(&name)?;
    Ok(Answer::json(200, &json!({ "value": committed })))
}

/// Adds one to the attribute, which counts from 0 when it is absent.
///
/// # Errors
/// When it is no whole number, or can grow no further: it is unchanged then.
pub(super) fn increment_atomically(session: &Session, name: &str) -> Result<(), SessionError> {
    session.update_attribute(name, Count::increment)?;
    Ok(())
}

/// The two ways to add one.
#[derive(Clone, Copy, Debug)]
enum Increment {
    /// Atomically: no increment of a parallel request is lost.
    Update,
    /// Reading, then writing: two at a time may read the same number. For comparison.
    GetSet,
}

impl Increment {
    async fn run(self, session: &Session, name: &str, delay: Duration) -> Result<(), Refusal> {
        match self {
            Self::Update => {
                pause(delay).await;
                increment_atomically(session, name)?;
            }
            Self::GetSet => {
                let mut count: Count = session.get_attribute(name)?.unwrap_or_default();
                count.increment();
                pause(delay).await;
                session.set_attribute(name, &count)?;
            }
        }
        Ok(())
    }
}

/// A whole number to count with, from 0. One that was counted beyond the largest cannot be
/// stored, which leaves the attribute as it is.
#[derive(Clone, Copy, Debug)]
struct Count(Option<i64>);

impl Count {
    fn increment(&mut self) {
        self.0 = self.0.and_then(|count| count.checked_add(1));
    }
}

impl Default for Count {
    fn default() -> Self {
        Self(Some(0))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(|count| Self(Some(count)))
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(count) => count.serialize(serializer),
            None => Err(serde::ser::Error::custom(BadArgument::Overflow)),
        }
    }
}
