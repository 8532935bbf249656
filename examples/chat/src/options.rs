//! The command line.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use reqwest::Url;

use crate::cors::Origin;
use crate::frameworks::Framework;

/// A streaming chat in the browser whose conversation lives in the session.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Web framework that serves the chat; the visitor notices no difference
    #[arg(long, value_enum, default_value_t)]
    pub framework: Framework,

    /// Where sessions live: memory, sqlite:PATH, redis://HOST:PORT,
    /// redis-cluster://HOST:PORT,HOST:PORT, postgres://USER@HOST/DATABASE or
    /// mysql://USER@HOST/DATABASE
    #[arg(
        long,
        value_name = "URL",
        env = "CHAT_STORE",
        hide_env_values = true,
        default_value = "memory"
    )]
    pub store: Confidential,

    /// Where accounts and their conversations live: memory, where they end with this program, or
    /// a database as for --store. The default is the database of --store; sqlite:chat.db where
    /// that is Redis; and memory where sessions are in memory, too
    #[arg(
        long,
        value_name = "URL",
        env = "CHAT_ACCOUNTS",
        hide_env_values = true
    )]
    pub accounts: Option<Confidential>,

    /// Key that signs session ids, at least 32 bytes; a new one is generated when it is left
    /// out. Better given by the environment, since command lines are visible to others
    #[arg(
        long,
        value_name = "SECRET",
        env = "CHAT_SECRET",
        hide_env_values = true
    )]
    pub secret: Option<Confidential>,

    /// Send the session cookie over plain HTTP too; the default for loopback addresses
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub insecure: Option<bool>,

    /// Origin of a page elsewhere that may talk to this server with the visitor's session,
    /// such as http://127.0.0.1:3000; may be given several times
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub cors_origins: Vec<Origin>,

    /// Base URL of an OpenAI-compatible endpoint that answers instead of the embedded
    /// responder, such as http://127.0.0.1:11434/v1. Its key, if it wants one, is read from
    /// the environment variable CHAT_API_KEY
    #[arg(long, value_name = "URL", requires = "model")]
    pub upstream: Option<Url>,

    /// Name of the model at the upstream
    #[arg(long, value_name = "NAME", requires = "upstream")]
    pub model: Option<String>,

    /// Pause of the embedded responder before each token, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 30)]
    pub token_delay_ms: u64,
}

impl Options {
    /// The environment variable with the key of the upstream. It is a name of its own, so that
    /// a key meant for one provider is never sent to another by accident.
    pub const API_KEY_VARIABLE: &'static str = "CHAT_API_KEY";

    /// How the cookie travels: what was asked for, and otherwise plain HTTP for loopback
    /// addresses only.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.insecure {
            Some(true) => Transport::Plain,
            Some(false) => Transport::Tls,
            None if self.listen.ip().is_loopback() => Transport::Plain,
            None => Transport::Tls,
        }
    }

    /// Pause of the embedded responder before each token.
    #[must_use]
    pub const fn token_delay(&self) -> Duration {
        Duration::from_millis(self.token_delay_ms)
    }
}

/// How the session cookie travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over plain HTTP too: for development.
    Plain,
    /// Over TLS only; somebody in front of this server speaks it.
    Tls,
}

/// A secret, or a URL that may hold a password. Prints redacted, and is judged later: a complaint
/// of the command line would repeat it.
#[derive(Clone, PartialEq, Eq)]
pub struct Confidential(String);

impl Confidential {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Confidential {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confidential(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["chat"], arguments].concat())
    }

    #[test]
    fn without_arguments_it_listens_on_this_machine_only_over_plain_http() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(options.framework, Framework::Axum);
        assert_eq!(options.store.reveal(), "memory");
        assert_eq!(options.accounts, None);
        assert_eq!(options.transport(), Transport::Plain);
        assert!(options.upstream.is_none());
    }

    #[test]
    fn plain_http_is_the_default_for_loopback_addresses_only() {
        for (arguments, transport) in [
            (&["--listen", "[::1]:0"][..], Transport::Plain),
            (&["--listen", "0.0.0.0:80"], Transport::Tls),
            (
                &["--listen", "192.0.2.1:80", "--insecure"],
                Transport::Plain,
            ),
            (&["--insecure=false"], Transport::Tls),
        ] {
            assert_eq!(
                parse(arguments).unwrap().transport(),
                transport,
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn an_upstream_needs_a_model_and_a_model_an_upstream() {
        assert!(parse(&["--upstream", "http://127.0.0.1:1/v1"]).is_err());
        assert!(parse(&["--model", "m"]).is_err());
        assert!(parse(&["--upstream", "http://127.0.0.1:1/v1", "--model", "m"]).is_ok());
    }

    #[test]
    fn every_origin_is_no_origin() {
        assert!(parse(&["--cors-origin", "*"]).is_err());
        let options = parse(&["--cors-origin", "http://a:1", "--cors-origin", "http://b:1"]);
        assert_eq!(options.unwrap().cors_origins.len(), 2);
    }

    #[test]
    fn secrets_and_urls_print_redacted() {
        let options = parse(&[
            "--secret=hunter2hunter2",
            "--store=redis://:hunter2@host",
            "--accounts=mysql://app:hunter2@host/shop",
        ]);
        let options = options.unwrap();
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
