//! The steps of one request, as they are done.

use std::collections::VecDeque;
use std::io;

use futures_util::stream::{StreamExt, unfold};
use parking_lot::Mutex;

use super::steps::Step;
use super::{Frames, Given, Reply, ReplyBody};
use crate::error::{BoxError, SessionError};
use crate::exchange::ExchangeHandle;
use crate::runtime::yield_once;
use crate::session::Session;
use crate::testkit::adapter::gate::Gate;

/// What one request is to do, and what it does it with.
pub(super) struct Script {
    steps: VecDeque<Step>,
    exchange: Option<ExchangeHandle>,
    session: Option<Session>,
    gate: Gate,
}

/// What a step leads to.
enum Done {
    Nothing,
    Says(String),
    /// As [`Says`](Self::Says), and the step is done again.
    SaysAgain(String),
    Breaks,
}

impl Script {
    pub(super) fn of(path: &str, given: Given, gate: Gate) -> Self {
        let (exchange, session) = match given {
            Given::Session(session) => (None, Some(session)),
            Given::Existing(session) => (None, session),
            Given::Exchange(exchange) => (Some(exchange), None),
            Given::Nothing => (None, None),
        };
        Self {
            steps: Step::all_of(path).collect(),
            exchange,
            session,
            gate,
        }
    }

    /// Runs the handler; the steps behind [`Step::Stream`] become the body.
    pub(super) async fn answer(mut self) -> Result<Reply, SessionError> {
        let mut reply = Reply {
            status: 200,
            headers: Vec::new(),
            body: ReplyBody::Text(String::new()),
        };
        let mut said = Vec::new();
        let mut length = None;
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Status(status) => reply.status = status,
                Step::Cookie(pair) => reply.headers.push(("set-cookie", pair)),
                Step::Vary(name) => reply.headers.push(("vary", name)),
                Step::Cache(directives) => reply.headers.push(("cache-control", directives)),
                Step::Redirect => {
                    reply.status = 303;
                    reply.headers.push(("location", "/existing/whoami".into()));
                }
                Step::Length(bytes) => length = Some(bytes),
                Step::Stream => {
                    let frames = self.frames();
                    reply.body = ReplyBody::Stream { frames, length };
                    return Ok(reply);
                }
                step => match self.act(&step).await? {
                    Done::Nothing => {}
                    Done::Says(line) | Done::SaysAgain(line) => said.push(line),
                    Done::Breaks => said.push("only a stream can break off".into()),
                },
            }
        }
        reply.body = ReplyBody::Text(said.join("\n"));
        Ok(reply)
    }

    /// The rest of the script, run as the body is read.
    fn frames(self) -> Frames {
        let frames = unfold(Some(self), |script| async {
            let mut script = script?;
            match script.frame().await {
                Ok(Some(frame)) => Some((Ok(frame.into_bytes()), Some(script))),
                Ok(None) => None,
                // A broken body has nothing more to say.
                Err(error) => Some((Err(io::Error::other(error)), None)),
            }
        });
        Frames(Mutex::new(frames.boxed()))
    }

    async fn frame(&mut self) -> Result<Option<String>, BoxError> {
        while let Some(step) = self.steps.pop_front() {
            match self.act(&step).await? {
                Done::Nothing => {}
                Done::Says(frame) => return Ok(Some(frame)),
                Done::SaysAgain(frame) => {
                    self.steps.push_front(step);
                    return Ok(Some(frame));
                }
                Done::Breaks => return Err("the body breaks off".into()),
            }
        }
        Ok(None)
    }

    async fn act(&mut self, step: &Step) -> Result<Done, SessionError> {
        match step {
            Step::Wait => self.gate.pass().await,
            Step::Say(text) => return Ok(Done::Says(text.clone())),
            Step::Break => return Ok(Done::Breaks),
            Step::Forever => {
                // A body that is always ready must not keep a server from other work.
                yield_once().await;
                return Ok(Done::SaysAgain(".".into()));
            }
            Step::Open => {
                if let Some(exchange) = &self.exchange {
                    self.session = Some(exchange.session().await?);
                }
            }
            Step::Peek(name) => {
                if let Some(exchange) = &self.exchange {
                    let view = exchange.peek_session().await?;
                    let text = view.map(|view| view.get_attribute(name)).transpose()?;
                    return Ok(tell(name, text.flatten()));
                }
            }
            step => {
                return match &self.session {
                    Some(session) => use_session(session, step).await,
                    None => Ok(Done::Says("there is no session".into())),
                };
            }
        }
        Ok(Done::Nothing)
    }
}

async fn use_session(session: &Session, step: &Step) -> Result<Done, SessionError> {
    match step {
        Step::Get(name) => return Ok(tell(name, session.get_attribute(name)?)),
        Step::Set(name, text) => session.set_attribute(name, text)?,
        Step::Fill(name, count) => session.set_attribute(name, &"x".repeat(*count))?,
        Step::Remove(name) => session.remove_attribute(name)?,
        Step::Count(name) => {
            let number = session.update_attribute(name, |number: &mut u64| *number += 1)?;
            return Ok(Done::Says(format!("{name} is now {number}")));
        }
        Step::Number(name) => {
            let number: Option<u64> = session.get_attribute(name)?;
            return Ok(tell(name, number.map(|number| number.to_string())));
        }
        Step::LogIn(name) => session.login(name)?,
        Step::WhoAmI => {
            let who = session.principal()?;
            let who = who.as_deref().unwrap_or("nobody");
            return Ok(Done::Says(format!("logged in: {who}")));
        }
        Step::Rotate => {
            session.change_session_id()?;
        }
        Step::LogOut => session.logout()?,
        Step::Invalidate => session.invalidate()?,
        Step::Save => {
            session.save().await?;
        }
        Step::New => {
            let known = if session.is_new()? { "new" } else { "known" };
            return Ok(Done::Says(format!("the session is {known}")));
        }
        step => return Ok(Done::Says(format!("this cannot be done here: {step:?}"))),
    }
    Ok(Done::Nothing)
}

fn tell(name: &str, text: Option<String>) -> Done {
    Done::Says(match text {
        Some(text) => format!("{name} is {text}"),
        None => format!("{name} is not set"),
    })
}
