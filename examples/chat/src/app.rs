//! The chat as it is served, whichever framework serves it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use session_core::{EntropyError, SessionManager, SystemEntropy};

use crate::accounts::Accounts;
use crate::cors::Cors;
use crate::prompt::{ChatPrompt, Entry, ReplyId};
use crate::responder::Responder;

/// Completes when replies break off, since the server stops.
pub(crate) type Stop = Shared<BoxFuture<'static, ()>>;

/// What a framework serves.
#[derive(Clone, Debug)]
pub struct App {
    /// The sessions of the visitors.
    pub sessions: SessionManager,
    /// What the handlers share.
    pub chat: Chat,
    /// Who may log in.
    pub accounts: Accounts,
    /// Who may call from elsewhere.
    pub cors: Cors,
}

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Chat {
    /// Who answers.
    pub(crate) responder: Arc<Responder>,
    /// How large a conversation may become.
    pub(crate) limits: Limits,
    pub(crate) stop: Stop,
    entropy: SystemEntropy,
}

impl Chat {
    /// A chat that `responder` answers until `stop` completes. What replies said by then is
    /// kept. `stop` is waited for on all the runtimes that replies are streamed on.
    pub fn new(
        responder: Responder,
        limits: Limits,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self {
            responder: Arc::new(responder),
            limits,
            stop: stop.boxed().shared(),
            entropy: SystemEntropy::new(),
        }
    }

    pub(crate) fn draw_reply_id(&self) -> Result<ReplyId, EntropyError> {
        ReplyId::draw(&self.entropy)
    }
}

/// How large a conversation may become, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The byte limit of the session, as its manager was told.
    pub session: usize,
    /// Room that must be left for a reply, or else the question is refused: a reply should
    /// not stop in the middle for want of room.
    pub reply_reserve: usize,
}

impl Default for Limits {
    /// A session of 1 MiB, the engine's default, and room for a reply of 16 KiB, which is
    /// about 4,000 tokens.
    fn default() -> Self {
        Self {
            session: 1 << 20,
            reply_reserve: 16 << 10,
        }
    }
}

impl Limits {
    /// The bytes that are left beside `prompt`.
    pub(crate) fn room(self, prompt: &ChatPrompt) -> usize {
        self.session.saturating_sub(prompt.size_bound())
    }

    /// True when there is room for a message of `bytes` and a reply to it.
    pub(crate) fn admit(self, prompt: &ChatPrompt, bytes: usize) -> bool {
        Entry::size_bound(bytes).saturating_add(self.reply_reserve) <= self.room(prompt)
    }
}
