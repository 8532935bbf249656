//! A reply on its way to the visitor, kept in the session as it goes.
//!
//! What the visitor is shown and what the session keeps are the same text. A stream that ends
//! without an error is a complete reply; the engine stores the last piece before the end is
//! visible, so whoever saw the end reads the whole reply afterwards, and so does, on any device,
//! whoever is logged in: the account is told before the end is visible. A stream that is dropped,
//! since the visitor pressed stop or vanished, or that fails, leaves an incomplete reply.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};
use session_core::{Session, SessionAttribute, SessionError};
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::app::{App, Stop};
use crate::prompt::{ChatPrompt, Entry, Piece, ReplyId};
use crate::responder::{Tokens, UpstreamError};
use crate::shared;

/// How long text may wait until it is put into the session as a piece of its own. The engine
/// stores what lies there for a second, so a killed process costs two seconds of a reply; a
/// piece for each token would take ten times the room of its text.
const PIECE_INTERVAL: Duration = Duration::from_secs(1);

/// A reply as the body of a response.
pub struct Reply {
    /// `None` when the reply has ended, one way or the other.
    tokens: Option<Tokens>,
    /// Why the reply broke off, until the server has been told.
    broken_off: Option<BrokenOff>,
    /// Completes when the account of the visitor knows a reply that has ended well.
    told: Option<BoxFuture<'static, ()>>,
    stop: Stop,
    keeper: Keeper,
}

/// Why a reply broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenOff {
    /// The model did not go on.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The session did not take the text.
    #[error("the session does not take the reply")]
    Session(#[from] SessionError),
    /// The session has no room for the rest.
    #[error("the conversation has reached its size limit")]
    ConversationFull,
    /// The server stops.
    #[error("the server stops")]
    ServerStops,
}

impl Reply {
    /// Streams `tokens`, until `stop` completes, and gives them to `keeper`.
    pub(crate) fn new(tokens: Tokens, stop: Stop, keeper: Keeper) -> Self {
        Self {
            tokens: Some(tokens),
            broken_off: None,
            told: None,
            stop,
            keeper,
        }
    }
}

impl Stream for Reply {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(error) = this.broken_off.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if let Some(told) = &mut this.told {
            ready!(told.poll_unpin(cx));
            this.told = None;
        }
        let Some(tokens) = &mut this.tokens else {
            return Poll::Ready(None);
        };
        let next = match this.stop.poll_unpin(cx) {
            Poll::Ready(()) => Some(Err(BrokenOff::ServerStops)),
            Poll::Pending => ready!(tokens.poll_next_unpin(cx)).map(|it| it.map_err(Into::into)),
        };
        let shown = match next {
            Some(Ok(token)) => this.keeper.hear(&token).map(|()| Some(Bytes::from(token))),
            Some(Err(error)) => Err(error),
            None => this.keeper.keep(Last::Yes).map(|()| None),
        };
        match shown {
            Ok(Some(bytes)) => Poll::Ready(Some(Ok(bytes))),
            Ok(None) => {
                this.tokens = None;
                this.told = this.keeper.tell();
                Pin::new(this).poll_next(cx)
            }
            Err(error) => {
                log(&error);
                this.tokens = None;
                this.broken_off = Some(error);
                // A server that learns of an error throws away what it has not sent yet. Told
                // to wait, it sends that first.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("ended", &self.tokens.is_none())
            .finish_non_exhaustive()
    }
}

/// Puts what the visitor was shown into the session, and tells the account in the end.
pub(crate) struct Keeper {
    session: Session,
    accounts: Accounts,
    /// How large a conversation may become.
    limit: usize,
    id: ReplyId,
    /// Bytes of text and overhead that the session still has room for.
    room: usize,
    /// What the visitor was shown and the session does not know yet.
    unkept: String,
    kept_at: Instant,
    /// How many bytes of the reply the session knows.
    kept: u64,
    /// True once the account has been told, or need not be.
    is_told: bool,
}

impl Keeper {
    /// Keeps the reply `id` in `session`, beside `prompt`.
    pub(crate) fn new(app: &App, session: Session, id: ReplyId, prompt: &ChatPrompt) -> Self {
        let room = app.chat.limits.room(prompt);
        Self {
            session,
            accounts: app.accounts.clone(),
            limit: app.chat.limits.session,
            id,
            room: room.saturating_sub(Entry::size_bound(0)),
            unkept: String::new(),
            kept_at: Instant::now(),
            kept: 0,
            is_told: false,
        }
    }

    /// Takes what the visitor is about to be shown.
    fn hear(&mut self, token: &str) -> Result<(), BrokenOff> {
        self.room = self
            .room
            .checked_sub(token.len())
            .ok_or(BrokenOff::ConversationFull)?;
        self.unkept.push_str(token);
        if self.kept_at.elapsed() >= PIECE_INTERVAL {
            self.room = self.room.saturating_sub(Entry::size_bound(0));
            self.keep(Last::No)?;
        }
        Ok(())
    }

    fn keep(&mut self, last: Last) -> Result<(), BrokenOff> {
        let text = std::mem::take(&mut self.unkept);
        let at = self.kept;
        self.kept += text.len() as u64;
        let piece = Entry::Said(Piece {
            reply: self.id,
            at,
            text,
            last: last == Last::Yes,
        });
        self.kept_at = Instant::now();
        self.session.append_attribute(ChatPrompt::NAME, &piece)?;
        Ok(())
    }

    /// Tells the account of the visitor, if there is one, what the session has now. What goes
    /// wrong there is made up for by the next request, and takes nothing from the session.
    fn tell(&mut self) -> Option<BoxFuture<'static, ()>> {
        self.is_told = true;
        let name = shared::account_of(&self.session).ok()??;
        let copy = shared::copy_of(&self.session).ok()?;
        let (accounts, limit) = (self.accounts.clone(), self.limit);
        let told = async move {
            if let Err(error) = accounts.unite(&name, copy, limit).await {
                error.log();
            }
        };
        Some(told.boxed())
    }
}

impl Drop for Keeper {
    /// The visitor pressed stop or vanished, or the model failed: what was said is kept. The
    /// engine stores it when the body, and with it the last handle of the session, is gone.
    fn drop(&mut self) {
        if !self.unkept.is_empty()
            && let Err(error) = self.keep(Last::No)
        {
            log(&error);
        }
        if !self.is_told {
            shared::tell_later(&self.accounts, &self.session, self.limit);
        }
    }
}

/// Whether a piece completes its reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

/// Tells the operator why a reply did not come, or not to its end.
pub(crate) fn log(error: &(dyn Error + 'static)) {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    eprintln!("a reply broke off: {}", causes.join(": "));
}
