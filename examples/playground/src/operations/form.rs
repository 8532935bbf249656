//! `/form`: what a page without a script does, guarded against request forgery. The other
//! routes take no form that a foreign page could send along with the visitor's cookie.

use serde_json::Value;

use super::Outcome;
use crate::answer::Answer;
use crate::arguments::{BadArgument, Query};
use crate::call::Call;

/// The attribute that the form sets.
const ATTRIBUTE: &str = "form";

/// The page has no script, sends its form to this server alone, and stands in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// `GET /form`
pub(crate) async fn show(call: Call) -> Outcome {
    let session = call.session().await?;
    let token = session.csrf_token()?;
    let value = match session.get_attribute(ATTRIBUTE)? {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    session.save().await?;
    let page = format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <meta charset=\"utf-8\">\n\
         <title>A form</title>\n\
         <form method=\"post\" action=\"/form\">\n\
         <input type=\"hidden\" name=\"csrf\" value=\"{token}\">\n\
         <label>The attribute <code>{ATTRIBUTE}</code>: <input name=\"value\" value=\"{}\"></label>\n\
         <button>Set</button>\n\
         </form>\n",
        escaped(&value)
    );
    Ok(Answer::whole(200, "text/html; charset=utf-8", page)
        // The token belongs to this visitor.
        .header("cache-control", "no-store")
        .header("content-security-policy", CONTENT_SECURITY_POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer"))
}

/// `POST /form`
pub(crate) async fn submit(call: Call) -> Outcome {
    // Encoded as a query is (URL Standard, application/x-www-form-urlencoded).
    let body = std::str::from_utf8(&call.body).map_err(|_| BadArgument::Encoding)?;
    let fields = Query::parse(body)?;
    let session = call.session().await?;
    // A form without a token is as forged as one with a wrong one.
    session.verify_csrf(fields.text("csrf")?.unwrap_or_default())?;
    session.set_attribute(ATTRIBUTE, fields.text("value")?.unwrap_or_default())?;
    session.save().await?;
    Ok(Answer::empty(303).header("location", "/form"))
}

/// The text for the inside of a quoted attribute of HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_attribute() {
        assert_eq!(
            escaped("\"><script>&amp;'ä"),
            "&quot;&gt;&lt;script&gt;&amp;amp;'ä"
        );
    }
}
