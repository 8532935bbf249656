//! Responses of every kind, to see that the session goes along with each.

use serde_json::json;

use super::Outcome;
use crate::answer::Answer;
use crate::arguments::{self, BadArgument};
use crate::call::Call;
use crate::refusal::Refusal;

/// `GET /untouched`
pub(crate) async fn untouched(_: Call) -> Outcome {
    Ok(Answer::json(200, &json!({ "session": "not consulted" })))
}

/// `GET /redirect`
pub(crate) async fn redirect(call: Call) -> Outcome {
    let name = set_by_query(&call).await?;
    let target = format!("/attributes/{}", arguments::segment(&name));
    Ok(Answer::empty(303).header("location", target))
}

/// `GET /fail`
pub(crate) async fn fail(call: Call) -> Outcome {
    let query = call.query()?;
    let status: Option<u16> = query.number("status")?;
    let status = status.ok_or(BadArgument::Missing("status"))?;
    // Below are the interim responses, which no handler can answer with (RFC 9110, 15.2).
    if !(200..=599).contains(&status) {
        return Err(BadArgument::Parameter("status").into());
    }
    set_by_query(&call).await?;
    Ok(match status {
        400.. => Answer::json(status, &json!({ "error": "This failure was asked for." })),
        _ => Answer::empty(status),
    })
}

/// `GET /panic`
pub(crate) async fn panic(call: Call) -> Outcome {
    set_by_query(&call).await?;
    panic!("this panic was asked for");
}

/// `GET /cookies`
pub(crate) async fn cookies(call: Call) -> Outcome {
    let session = call.session().await?;
    session.set_attribute("cookies", &["a", "b"])?;
    session.save().await?;
    let answer = Answer::json(200, &json!({ "cookies": { "a": "1", "b": "2" } }));
    Ok(answer
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2"))
}

/// Sets the attribute that the query names to the value that it gives, without saving: the
/// middleware commits that with the response, whatever its status. Answers the name.
async fn set_by_query(call: &Call) -> Result<String, Refusal> {
    let query = call.query()?;
    let (name, value) = (query.attribute("name")?, query.required("value")?);
    let session = call.session().await?;
    session.set_attribute(&name, value)?;
    Ok(name)
}
