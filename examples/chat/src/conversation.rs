//! The conversation over HTTP: saying something, reading it all, asking again, forgetting.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use session_core::{Session, SessionAttribute};

use crate::answer::{Answer, Content, NO_STORE, answer, json};
use crate::app::App;
use crate::prompt::{ChatPrompt, Entry, Message, Question, ReplyId};
use crate::refusal::Refusal;
use crate::reply::{self, Keeper, Reply};
use crate::responder::Tokens;
use crate::{body, shared};

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

/// `GET /api/chat`: the conversation so far, that of the account when somebody is logged in;
/// empty without a session, and none is created.
///
/// # Errors
/// [`Refusal::Session`] when the session cannot be read.
pub async fn history(app: &App, session: Option<Session>) -> Result<Answer, Refusal> {
    let prompt = match &session {
        Some(session) => bring_together(app, session).await?,
        None => ChatPrompt::default(),
    };
    let history = History {
        messages: prompt.messages(),
    };
    Ok(json(StatusCode::OK, [NO_STORE], &history))
}

/// `POST /api/chat`: streams the reply to a message. The message is stored before anybody is
/// asked for a reply, and so before the first token.
///
/// # Errors
/// [`Refusal`] when the message cannot be taken, or when the model does not begin to answer.
pub async fn say(
    app: &App,
    session: Session,
    said: Result<Said, Refusal>,
) -> Result<Answer, Refusal> {
    let Said { message } = said?;
    if message.trim().is_empty() {
        return Err(Refusal::EmptyMessage);
    }
    let said_before = bring_together(app, &session).await?;
    if !app.chat.limits.admit(&said_before, message.len()) {
        return Err(Refusal::ConversationFull);
    }
    let reply = app.chat.draw_reply_id()?;
    let question = Entry::Asked(Question::new(reply, message));
    session.append_attribute(ChatPrompt::NAME, &question)?;
    answer_with(app, session, reply).await
}

/// `POST /api/chat/regenerate`: drops the last reply and streams a new one.
///
/// # Errors
/// [`Refusal::NoReply`] when nothing was said yet; else as [`say`].
pub async fn regenerate(app: &App, session: Option<Session>) -> Result<Answer, Refusal> {
    let session = session.ok_or(Refusal::NoReply)?;
    let reply = app.chat.draw_reply_id()?;
    // The old reply goes when the new one comes: a model that is away costs nothing.
    let mut again = bring_together(app, &session).await?;
    again.ask_again(reply);
    let tokens = ask(app, &again, reply).await?;
    session.update(move |prompt: &mut ChatPrompt| prompt.ask_again(reply))?;
    let prompt = store(app, &session).await?;
    stream(app, tokens, session, reply, &prompt)
}

/// `DELETE /api/chat`: forgets the conversation; a session is not created for that.
///
/// # Errors
/// [`Refusal`] when it is not forgotten: whoever is logged in has it elsewhere, too.
pub async fn forget(app: &App, session: Option<Session>) -> Result<Answer, Refusal> {
    if let Some(session) = session {
        shared::forget(&app.accounts, &session).await?;
    }
    Ok(answer(StatusCode::NO_CONTENT, [], Content::EMPTY))
}

/// Tells proxies that buffer responses, nginx above all, to pass this one on as it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What `HttpSession.isNew` says in the request that streams a reply, for the page's panel:
/// no later request can tell.
const X_SESSION_IS_NEW: HeaderName = HeaderName::from_static("x-session-is-new");

/// Stores the question that waits for the reply `id`, and streams it.
async fn answer_with(app: &App, session: Session, id: ReplyId) -> Result<Answer, Refusal> {
    let prompt = store(app, &session).await?;
    let tokens = ask(app, &prompt, id).await?;
    stream(app, tokens, session, id, &prompt)
}

/// Stores what the session was asked, before there is a reply, and lets the account know.
async fn store(app: &App, session: &Session) -> Result<ChatPrompt, Refusal> {
    session.save().await?;
    shared::tell_later(&app.accounts, session, app.chat.limits.session);
    shared::copy_of(session)
}

async fn bring_together(app: &App, session: &Session) -> Result<ChatPrompt, Refusal> {
    shared::bring_together(&app.accounts, session, app.chat.limits.session).await
}

/// Asks for the reply `id` to the turn that waits for it.
async fn ask(app: &App, prompt: &ChatPrompt, id: ReplyId) -> Result<Tokens, Refusal> {
    let turn = prompt.turn(id).ok_or(Refusal::NoReply)?;
    let tokens = app.chat.responder.reply(&turn).await;
    Ok(tokens.inspect_err(|error| reply::log(error))?)
}

/// Streams `tokens` as the reply `id` of the conversation.
fn stream(
    app: &App,
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
    let keeper = Keeper::new(app, session, id, prompt);
    let reply = Reply::new(tokens, app.chat.stop.clone(), keeper);
    let content = Content::Stream(Box::new(reply));
    Ok(answer(StatusCode::OK, headers, content))
}
