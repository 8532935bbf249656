//! The session manager that the command line asks for.

use std::sync::Arc;
use std::time::Duration;

use session_core::store::SessionStore;
use session_core::{ConfigError, KeyError, MaxInactiveInterval, SecretKey, SessionManager};

use crate::options::{Confidential, Options};

/// Why there can be no manager as asked for. Repeats no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// One of the keys of `--secret` cannot be used.
    #[error("--secret, key {position}: {source}")]
    Secret {
        /// Which one, from 1.
        position: usize,
        /// Why.
        source: KeyError,
    },
    /// No key could be generated.
    #[error(transparent)]
    NoKey(#[from] KeyError),
    /// What was asked for does not go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// The manager that the options ask for, whose sessions live in `store`.
///
/// # Errors
/// When it cannot be made so.
pub(crate) fn manager(
    options: &Options,
    store: Arc<dyn SessionStore>,
) -> Result<SessionManager, SetupError> {
    let mut builder = SessionManager::builder()
        .shared_store(store)
        .statistics()
        .max_bytes(options.max_session_bytes)
        .secure(!options.insecure);
    let mut keys = keys(options.secret.as_ref())?.into_iter();
    if let Some(current) = keys.next() {
        builder = builder.secret_key(current);
    }
    for older in keys {
        builder = builder.previous_key(older);
    }
    if let Some(seconds) = options.idle {
        let idle = Duration::from_secs(seconds);
        builder = builder.max_inactive_interval(MaxInactiveInterval::from(idle));
    }
    if let Some(seconds) = options.absolute {
        builder = builder.absolute_timeout(Duration::from_secs(seconds));
    }
    if let Some(seconds) = options.max_age {
        builder = builder.max_age(Duration::from_secs(seconds));
    }
    if let Some(name) = &options.header {
        builder = builder.token_header(name);
    }
    Ok(builder.build()?)
}

/// The keys of `--secret`, the current one first.
fn keys(secret: Option<&Confidential>) -> Result<Vec<SecretKey>, SetupError> {
    let Some(secret) = secret else {
        eprintln!("warning: no --secret, so one is generated: a restart ends all sessions");
        return Ok(vec![SecretKey::generate()?]);
    };
    let texts = secret.reveal().split(',').zip(1..);
    texts
        .map(|(text, position)| {
            SecretKey::new(text).map_err(|source| SetupError::Secret { position, source })
        })
        .collect()
}
