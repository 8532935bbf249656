//! The command line.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;

use clap::error::{ContextKind, ErrorKind};
use clap::{Parser, ValueEnum};

/// Every session operation, to be clicked in a page and called over HTTP.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// Web framework that serves
    #[arg(long, value_enum, default_value_t)]
    pub(crate) framework: Framework,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,

    /// Where sessions live: memory, sqlite:PATH, redis://HOST:PORT,
    /// redis-cluster://HOST:PORT,HOST:PORT, postgres://... or mysql://...
    #[arg(long, value_name = "STORE", default_value = "memory")]
    pub(crate) store: Confidential,

    /// What the names of the store's keys or tables begin with, so that several sites can share
    /// a server
    #[arg(long, value_name = "NAME")]
    pub(crate) store_prefix: Option<String>,

    /// Key that signs session ids, at least 32 bytes, and after commas older keys that are
    /// still accepted; generated when left out. Better given by the environment, since command
    /// lines are visible to others
    #[arg(
        long,
        value_name = "KEY[,OLDER-KEY...]",
        env = "PLAYGROUND_SECRET",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub(crate) secret: Option<Confidential>,

    /// How long a session may lie idle; 0 is for ever
    #[arg(long, value_name = "SECONDS")]
    pub(crate) idle: Option<u64>,

    /// How long a session may live whatever its activity
    #[arg(long, value_name = "SECONDS")]
    pub(crate) absolute: Option<u64>,

    /// How long the cookie outlives the browser
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_age: Option<u64>,

    /// The most sessions that the store holds
    #[arg(long, value_name = "N")]
    pub(crate) max_sessions: Option<usize>,

    /// The most bytes that one session may have
    #[arg(long, value_name = "N", default_value_t = 1 << 20)]
    pub(crate) max_session_bytes: usize,

    /// Header that carries the token instead of a cookie
    #[arg(long, value_name = "NAME")]
    pub(crate) header: Option<String>,

    /// Plain HTTP for development: the cookie is `sid`, and not Secure
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// The web framework that serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framework {
    /// axum, on hyper
    #[default]
    Axum,
    /// actix-web, in several worker threads
    Actix,
    /// warp, on hyper
    Warp,
}

/// A text that may hold a key or a password. Prints redacted, and is judged after the command
/// line is parsed: a complaint of the parser would repeat it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Confidential(String);

impl Confidential {
    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Confidential {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confidential(redacted)")
    }
}

impl Options {
    /// The options of this process.
    ///
    /// # Errors
    /// When they are wrong, or ask for nothing but help.
    pub(crate) fn from_command_line() -> Result<Self, Exit> {
        Self::parse_words(std::env::args_os())
    }

    fn parse_words(
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, Exit> {
        Self::try_parse_from(words).map_err(Exit)
    }
}

/// Why the program ends before it begins.
#[derive(Debug)]
pub(crate) struct Exit(clap::Error);

impl Exit {
    /// Prints why.
    pub(crate) fn explain(&self) -> ExitCode {
        match self.0.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                print!("{}", self.0);
                ExitCode::SUCCESS
            }
            _ => {
                eprint!("{}", self.message());
                ExitCode::from(2)
            }
        }
    }

    /// A word that belongs to no option is not repeated: it may be the second half of a secret
    /// that a shell took apart.
    fn message(&self) -> String {
        let stray = self.0.kind() == ErrorKind::UnknownArgument
            && !matches!(
                self.0.get(ContextKind::InvalidArg),
                Some(clap::error::ContextValue::String(word)) if word.starts_with("--")
            );
        if stray {
            return "error: an argument belongs to no option; see --help\n".to_owned();
        }
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Exit> {
        Options::parse_words([&["playground"], words].concat())
    }

    #[test]
    fn the_defaults_are_axum_on_a_loopback_address_with_sessions_in_memory() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.framework, Framework::Axum);
        assert_eq!(options.listen, "127.0.0.1:8090".parse().unwrap());
        assert_eq!(options.store.reveal(), "memory");
        assert_eq!(options.max_session_bytes, 1 << 20);
        assert!(!options.insecure, "insecure is never implied");
    }

    #[test]
    fn each_framework_is_known_by_its_name() {
        for (name, framework) in [
            ("axum", Framework::Axum),
            ("actix", Framework::Actix),
            ("warp", Framework::Warp),
        ] {
            assert_eq!(parse(&["--framework", name]).unwrap().framework, framework);
        }
        assert!(parse(&["--framework", "rocket"]).is_err());
    }

    #[test]
    fn numbers_are_whole_and_not_negative() {
        for option in [
            "--idle",
            "--absolute",
            "--max-age",
            "--max-sessions",
            "--max-session-bytes",
        ] {
            assert!(parse(&[option, "7"]).is_ok(), "{option}");
            for wrong in ["-1", "1.5", "many", ""] {
                assert!(parse(&[option, wrong]).is_err(), "{option} {wrong}");
            }
        }
    }

    #[test]
    fn secrets_and_store_urls_print_redacted() {
        let options = parse(&["--secret", "hunter2", "--store", "redis://:hunter2@host"]).unwrap();
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_may_begin_with_a_hyphen() {
        let options = parse(&["--secret", "-abc"]).unwrap();
        assert_eq!(options.secret.unwrap().reveal(), "-abc");
    }

    #[test]
    fn a_refusal_repeats_no_stray_word() {
        for words in [
            &["--secret", "abc,", "hunter2"][..],
            &["hunter2"],
            &["-hunter2"],
        ] {
            let refused = parse(words).unwrap_err().message();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_refusal_names_a_misspelt_option_and_not_its_value() {
        let refused = parse(&["--secrte=hunter2"]).unwrap_err().message();
        assert!(refused.contains("--secrte"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
