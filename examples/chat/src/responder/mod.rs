//! Who answers: a responder in this program, or a model somewhere else.

mod embedded;
mod english;
mod japanese;
mod sse;
mod tokens;
mod upstream;

use std::time::Duration;

use futures_util::stream::BoxStream;

pub use embedded::Embedded;
pub use upstream::{ApiKey, Upstream, UpstreamError};

use crate::prompt::Turn;

/// A reply as it is made: pieces of text to be shown one after the other. The stream ends
/// after the last piece of a complete reply; an error means that the reply broke off.
pub type Tokens = BoxStream<'static, Result<String, UpstreamError>>;

/// Who answers.
#[derive(Clone, Debug)]
pub enum Responder {
    /// The responder in this program, which answers from the conversation alone.
    Embedded(Embedded),
    /// A model behind an OpenAI-compatible endpoint.
    Upstream(Upstream),
}

impl Responder {
    /// The responder in this program, with a pause of `token_delay` before each token.
    #[must_use]
    pub const fn embedded(token_delay: Duration) -> Self {
        Self::Embedded(Embedded::new(token_delay))
    }

    /// Begins a reply to the last message of `turn`.
    ///
    /// # Errors
    /// [`UpstreamError`] when the model cannot be reached or refuses to answer. The embedded
    /// responder always answers.
    pub async fn reply(&self, turn: &Turn) -> Result<Tokens, UpstreamError> {
        match self {
            Self::Embedded(embedded) => Ok(embedded.reply(turn)),
            Self::Upstream(upstream) => upstream.reply(turn).await,
        }
    }
}
