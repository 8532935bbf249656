//! The conversation over HTTP: saying something, reading it all, asking again, forgetting.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use session_core::{Session, SessionAttribute};

use crate::answer::{Answer, Content, NO_STORE, answer, json};
use crate::app::Chat;
use crate::body;
use crate::prompt::{ChatPrompt, Entry, Message, Question, ReplyId};
use crate::refusal::Refusal;
use crate::reply::{self, Reply};
use crate::responder::Tokens;

/// The body of `POST /api/chat`.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    message: String,
}

impl Said {
    /// Reads the body of a request. For a body that could not be read comes the status that
    /// the framework would have answered.
    ///
    /// # Errors
    /// [`Refusal::NotAMessage`], and [`Refusal::ConversationFull`] for a body that alone is
    /// over the limit of the session.
    pub fn read(
        content_type: Option<&[u8]>,
        body: Result<Bytes, StatusCode>,
    ) -> Result<Self, Refusal> {
        body::read(content_type, body).map_err(|status| match status {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::ConversationFull,
            status => Refusal::NotAMessage(status),
        })
    }
}

/// The answer to `GET /api/chat`.
#[derive(Clone, Debug, Serialize)]
struct History {
    messages: Vec<Message>,
}

/// `GET /api/chat`: the conversation so far; empty without a session, and none is created.
///
/// # Errors
/// [`Refusal::Session`] when the session cannot be read.
pub fn history(session: Option<&Session>) -> Result<Answer, Refusal> {
    let prompt = session.map(prompt_of).transpose()?;
    let history = History {
        messages: prompt.unwrap_or_default().messages(),
    };
    Ok(json(StatusCode::OK, [NO_STORE], &history))
}

/// `POST /api/chat`: streams the reply to a message. The message is stored before anybody is
/// asked for a reply, and so before the first token.
///
/// # Errors
/// [`Refusal`] when the message cannot be taken, or when the model does not begin to answer.
pub async fn say(
    chat: &Chat,
    session: Session,
    said: Result<Said, Refusal>,
) -> Result<Answer, Refusal> {
    let Said { message } = said?;
    if message.trim().is_empty() {
        return Err(Refusal::EmptyMessage);
    }
    if !chat.limits.admit(&prompt_of(&session)?, message.len()) {
        return Err(Refusal::ConversationFull);
    }
    let reply = chat.draw_reply_id()?;
    let question = Entry::Asked(Question {
        reply,
        attempt: 0,
        text: message,
    });
    session.append_attribute(ChatPrompt::NAME, &question)?;
    session.save().await?;
    let prompt = prompt_of(&session)?;
    let tokens = ask(chat, &prompt, reply).await?;
    stream(chat, tokens, session, reply, &prompt)
}

/// `POST /api/chat/regenerate`: drops the last reply and streams a new one.
///
/// # Errors
/// [`Refusal::NoReply`] when nothing was said yet; else as [`say`].
pub async fn regenerate(chat: &Chat, session: Option<Session>) -> Result<Answer, Refusal> {
    let session = session.ok_or(Refusal::NoReply)?;
    let reply = chat.draw_reply_id()?;
    // The old reply goes when the new one comes: a model that is away costs nothing.
    let mut again = prompt_of(&session)?;
    again.ask_again(reply);
    let tokens = ask(chat, &again, reply).await?;
    session.update(move |prompt: &mut ChatPrompt| prompt.ask_again(reply))?;
    session.save().await?;
    let prompt = prompt_of(&session)?;
    stream(chat, tokens, session, reply, &prompt)
}

/// `DELETE /api/chat`: forgets the conversation; a session is not created for that.
///
/// # Errors
/// [`Refusal::Session`] when the session cannot be changed.
pub fn forget(session: Option<&Session>) -> Result<Answer, Refusal> {
    if let Some(session) = session {
        session.update(ChatPrompt::forget)?;
    }
    Ok(answer(StatusCode::NO_CONTENT, [], Content::EMPTY))
}

/// Tells proxies that buffer responses, nginx above all, to pass this one on as it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What `HttpSession.isNew` says in the request that streams a reply, for the page's panel:
/// no later request can tell.
const X_SESSION_IS_NEW: HeaderName = HeaderName::from_static("x-session-is-new");

/// Asks for the reply `id` to the turn that waits for it.
async fn ask(chat: &Chat, prompt: &ChatPrompt, id: ReplyId) -> Result<Tokens, Refusal> {
    let turn = prompt.turn(id).ok_or(Refusal::NoReply)?;
    let tokens = chat.responder.reply(&turn).await;
    Ok(tokens.inspect_err(|error| reply::log(error))?)
}

/// Streams `tokens` as the reply `id` of the conversation.
fn stream(
    chat: &Chat,
    tokens: Tokens,
    session: Session,
    id: ReplyId,
    prompt: &ChatPrompt,
) -> Result<Answer, Refusal> {
    let is_new = if session.is_new()? { "true" } else { "false" };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        NO_STORE,
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
        (X_SESSION_IS_NEW, HeaderValue::from_static(is_new)),
    ];
    let room = chat.limits.room(prompt);
    let reply = Reply::new(tokens, chat.stop.clone(), session, id, room);
    let content = Content::Stream(Box::new(reply));
    Ok(answer(StatusCode::OK, headers, content))
}

fn prompt_of(session: &Session) -> Result<ChatPrompt, Refusal> {
    Ok(session.get()?.unwrap_or_default())
}
