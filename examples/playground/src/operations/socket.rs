//! `/ws`: the session outside of a request, by its accessor. A framework only moves messages.

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde_json::Value;
use session_core::{Session, SessionAccessor};

use super::attributes;
use crate::arguments::{self, BadArgument};
use crate::call::Call;
use crate::refusal::Refusal;
use crate::stop::{OpenSocket, Stop};

/// What is talked about over one WebSocket: the session that its handshake came with.
#[derive(Debug)]
pub(crate) struct Conversation {
    session: SessionAccessor,
    stop: Stop,
    /// What the program waits for when it stops.
    _open: OpenSocket,
}

/// What a framework is to send.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A text message.
    Text(String),
    /// A close message with this status code, the last one.
    Close(u16),
}

/// The purpose of the connection has been fulfilled (RFC 6455, 7.4.1).
const NORMAL: u16 = 1000;

/// The server is going down (RFC 6455, 7.4.1).
const GOING_AWAY: u16 = 1001;

impl Conversation {
    /// A conversation about the session of this request, which is a handshake.
    ///
    /// # Errors
    /// When a page of another origin asks: browsers send the cookie along with a WebSocket of
    /// any page, and let it read the answers (RFC 6455, 10.2). When there is no session, or the
    /// program stops.
    pub(crate) async fn begin(call: &Call) -> Result<Self, Refusal> {
        // A client that is no browser names no origin; a browser always does.
        if call.provenance.names_own_origin() == Some(false) {
            return Err(Refusal::ForeignOrigin);
        }
        let session = call.existing_session().await?;
        Ok(Self {
            session: session.ok_or(Refusal::NoSession)?.accessor()?,
            stop: call.site.stop.clone(),
            _open: call.site.sockets.open().ok_or(Refusal::Stopping)?,
        })
    }

    /// Answers each of `lines` until they end, one cannot be read, an answer cannot be sent, or
    /// the program stops.
    pub(crate) async fn run<E>(
        self,
        lines: impl Stream<Item = Result<String, E>>,
        replies: impl Sink<Reply>,
    ) {
        let (mut lines, mut replies) = (std::pin::pin!(lines), std::pin::pin!(replies));
        let code = loop {
            let line = tokio::select! {
                biased;
                () = self.stop.clone() => break GOING_AWAY,
                line = lines.next() => line,
            };
            let Some(Ok(line)) = line else { break NORMAL };
            let answer = Reply::Text(self.answer(&line).await);
            if replies.send(answer).await.is_err() {
                return;
            }
        };
        // A visitor who has hung up does not hear this, and need not.
        let _ = replies.send(Reply::Close(code)).await;
    }

    /// What is answered to one line: each is an access of its own, stored before the answer.
    async fn answer(&self, line: &str) -> String {
        let outcome = async {
            let command = Command::parse(line)?;
            let run = async |session: Session| command.run(&session).await;
            self.session.access(run).await
        };
        match outcome.await {
            Ok(value) => value.to_string(),
            Err(refusal) => format!("error: {refusal}"),
        }
    }
}

/// One line of a visitor.
#[derive(Debug, PartialEq)]
struct Command<'l> {
    name: &'l str,
    change: Change,
}

#[derive(Debug, PartialEq)]
enum Change {
    None,
    Set(Value),
    Increment,
}

impl<'l> Command<'l> {
    fn parse(line: &'l str) -> Result<Self, BadArgument> {
        let (verb, rest) = line.split_once(' ').ok_or(BadArgument::Command)?;
        let (name, value) = match rest.split_once(' ') {
            Some((name, value)) => (name, Some(value)),
            None => (rest, None),
        };
        let change = match (verb, value) {
            ("get", None) => Change::None,
            ("increment", None) => Change::Increment,
            ("set", Some(value)) => {
                let value = arguments::json(value.as_bytes());
                Change::Set(value.map_err(|_| BadArgument::Command)?)
            }
            _ => return Err(BadArgument::Command),
        };
        let name = arguments::checked_name(name)?;
        Ok(Self { name, change })
    }

    /// Changes the session, and answers what the attribute is then; null when it is absent.
    async fn run(&self, session: &Session) -> Result<Value, Refusal> {
        match &self.change {
            Change::None => {}
            Change::Set(value) => session.set_attribute(self.name, value)?,
            Change::Increment => attributes::increment_atomically(session, self.name)?,
        }
        // What another request did meanwhile counts too: after `save` the session shows it.
        session.save().await?;
        Ok(session.get_attribute(self.name)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_a_verb_a_name_and_for_set_a_value() {
        for (line, name, change) in [
            ("get a", "a", Change::None),
            ("increment a", "a", Change::Increment),
            ("set a 1", "a", Change::Set(json!(1))),
            (
                "set a {\"b\": \"c d\"}",
                "a",
                Change::Set(json!({"b": "c d"})),
            ),
        ] {
            assert_eq!(Command::parse(line), Ok(Command { name, change }), "{line}");
        }
    }

    #[test]
    fn a_name_has_1_to_255_bytes() {
        let long = format!("get {}", "n".repeat(256));
        for line in ["get ", "set  1", &long] {
            assert_eq!(Command::parse(line), Err(BadArgument::Name), "{line}");
        }
    }

    #[test]
    fn every_other_line_is_no_command() {
        for line in [
            "",
            "get",
            "set",
            "set a",
            "set a ",
            "set a b",
            "get a b",
            "increment a 2",
            "GET a",
            "del a",
        ] {
            assert_eq!(Command::parse(line), Err(BadArgument::Command), "{line}");
        }
    }
}
