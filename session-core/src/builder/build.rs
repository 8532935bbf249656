//! From a configuration to a manager, or to why it cannot work.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::SessionManagerBuilder;
use crate::cookie::{CookieError, CookiePolicy, KeyError, Keyring};
use crate::engine::Engine;
use crate::handoff::Handoffs;
use crate::lifecycle::commit::Lanes;
use crate::listener::Listeners;
use crate::manager::SessionManager;
use crate::session::{NamespaceTag, SessionLimit};
use crate::statistics::{Counted, Counters};
use crate::store::memory::MemoryStore;
use crate::transport::{TokenHeaderError, Transport};

/// Why a configuration cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No [`secret_key`](SessionManagerBuilder::secret_key) was given, or several.
    #[error("exactly one secret key must be given to sign with; older ones are previous keys")]
    SecretKeyCount,
    /// The keys cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The cookie would not work in a browser.
    #[error(transparent)]
    Cookie(#[from] CookieError),
    /// A limit of sessions needs a store that knows principals.
    #[error("the store knows no principals, so the sessions of one cannot be limited")]
    NoPrincipals,
    /// The header cannot carry the token.
    #[error(transparent)]
    TokenHeader(#[from] TokenHeaderError),
    /// A limit of zero bytes or zero attributes leaves no room for a session.
    #[error("the size limits leave no room for a session")]
    NoRoom,
    /// An absolute limit or a deadline of zero ends every session, or every call, at once.
    #[error("a time limit of zero would end everything at once")]
    ZeroDuration,
}

/// # Building
impl<S> SessionManagerBuilder<S> {
    /// Checks the configuration and makes the manager.
    ///
    /// # Errors
    /// [`ConfigError`] for everything that could not work.
    pub fn build(self) -> Result<SessionManager<S>, ConfigError> {
        let settings = self.settings;
        if self.current_keys != 1 {
            return Err(ConfigError::SecretKeyCount);
        }
        if settings.limits.max_bytes == 0 || settings.limits.max_attributes == 0 {
            return Err(ConfigError::NoRoom);
        }
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        match settings.session_limit {
            Some(SessionLimit { max: 0, .. }) => return Err(ConfigError::NoRoom),
            Some(_) if store.principals().is_none() => return Err(ConfigError::NoPrincipals),
            _ => {}
        }
        if settings.absolute_timeout == Some(Duration::ZERO) || settings.store_timeout.is_zero() {
            return Err(ConfigError::ZeroDuration);
        }
        let transport = Transport::new(self.token_header.as_ref())?;
        let cookie = CookiePolicy::new(self.cookie)?;
        let carrier = match &transport {
            Transport::Cookie | Transport::Either(_) => cookie.name().to_owned(),
            Transport::Header(header) => header.request.clone(),
        };
        let keyring = Keyring::new(&self.keys, &carrier)?;
        let namespace = self.namespace.unwrap_or(carrier);
        let mut events = self.events;
        #[cfg(feature = "tracing")]
        events.add_trace();
        let counters = self.counts.then(|| Arc::new(Counters::new()));
        let store = match &counters {
            None => store,
            Some(counters) => {
                let told = counters.clone();
                events.add(move |event| told.count_event(event));
                Arc::new(Counted::new(store, counters.clone()))
            }
        };
        Ok(SessionManager::new(Engine {
            store,
            keyring,
            tag: NamespaceTag::of(&namespace),
            transport,
            cookie,
            namespace,
            clock: self.clock,
            entropy: self.entropy,
            settings,
            skip: self.skip,
            events,
            counters,
            listeners: Listeners::new(self.listeners),
            runtime: OnceLock::new(),
            handoffs: Handoffs::default(),
            lanes: Lanes::default(),
            #[cfg(feature = "testkit")]
            presence: Arc::default(),
        }))
    }
}
