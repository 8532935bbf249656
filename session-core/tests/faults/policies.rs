//! The settings that can change what a fault leads to.

use std::time::Duration;

use async_trait::async_trait;
use session_core::{
    AtLimit, FailedCommit, SessionLimit, SessionListener, SessionManagerBuilder, SessionNotice,
    Touch,
};

use crate::scene::{Distance, MINUTE, SECOND, Trouble};

/// One way to configure a site.
pub(crate) struct Policy {
    /// As it is written in the configuration.
    pub(crate) name: &'static str,
    pub(crate) about: About,
    pub(crate) configure: fn(SessionManagerBuilder) -> SessionManagerBuilder,
    pub(crate) keys: Keys,
    pub(crate) tasks: Tasks,
    /// Within which time the store says that it answers.
    pub(crate) promised: Option<Duration>,
    /// How long a call may take.
    pub(crate) deadline: Duration,
    /// True where a response leaves although its session was not stored.
    pub(crate) keeps_failed_responses: bool,
}

/// What a policy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// What is made of requests and of their responses.
    Requests,
    /// Where tokens travel, and which ones.
    Tokens,
    /// Time and numbers.
    Limits,
    /// What there is beside the engine.
    Surroundings,
}

/// Which keys sign cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    One,
    /// The visitors have cookies from an older key.
    Changed,
}

/// Whether the site has a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tasks {
    Runtime,
    None,
}

impl Policy {
    const DEFAULT: Self = Self {
        name: "the defaults",
        about: About::Requests,
        configure: |builder| builder,
        keys: Keys::One,
        tasks: Tasks::Runtime,
        promised: None,
        deadline: Duration::from_secs(5),
        keeps_failed_responses: false,
    };

    /// False where there is no such trouble: in this process no call is held, and without a
    /// deadline of the engine's it is the store that ends what takes too long.
    pub(crate) fn knows(&self, distance: Distance, trouble: Trouble) -> bool {
        let has_deadline = self.tasks == Tasks::Runtime && self.promised.is_none();
        match trouble {
            Trouble::Fault(_) if trouble.holds() => distance == Distance::Far && has_deadline,
            Trouble::Fault(_) => true,
            Trouble::SlowRequest | Trouble::SlowReply => distance == Distance::Far,
        }
    }
}

pub(crate) const POLICIES: &[Policy] = &[
    Policy::DEFAULT,
    Policy {
        name: "`touch(Touch::EveryRequest)`",
        configure: |builder| builder.touch(Touch::EveryRequest),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`failed_commit(FailedCommit::KeepResponse)`",
        configure: |builder| builder.failed_commit(FailedCommit::KeepResponse),
        keeps_failed_responses: true,
        ..Policy::DEFAULT
    },
    Policy {
        name: "`strict_reads(true)`",
        configure: |builder| builder.strict_reads(true),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`max_age(..)`, when the cookie is due to be sent anew",
        about: About::Tokens,
        configure: |builder| builder.max_age(MINUTE * 15),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`previous_key(..)`, for cookies that it signed",
        about: About::Tokens,
        keys: Keys::Changed,
        ..Policy::DEFAULT
    },
    Policy {
        name: "`token_header(..)`",
        about: About::Tokens,
        configure: |builder| builder.token_header("x-auth-token"),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`cookie_and_token_header(..)`",
        about: About::Tokens,
        configure: |builder| builder.cookie_and_token_header("x-auth-token"),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`session_limit(..)` of one session with `AtLimit::Refuse`",
        about: About::Limits,
        configure: |builder| {
            builder.session_limit(SessionLimit {
                max: 1,
                at_limit: AtLimit::Refuse,
            })
        },
        ..Policy::DEFAULT
    },
    Policy {
        name: "`session_limit(..)` of one session with `AtLimit::EndOldest`",
        about: About::Limits,
        configure: |builder| {
            builder.session_limit(SessionLimit {
                max: 1,
                at_limit: AtLimit::EndOldest,
            })
        },
        ..Policy::DEFAULT
    },
    Policy {
        name: "`max_inactive_interval(None)` and `absolute_timeout(None)`",
        about: About::Limits,
        configure: |builder| builder.max_inactive_interval(None).absolute_timeout(None),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`keep_alive_limit(..)` of zero",
        about: About::Limits,
        configure: |builder| builder.keep_alive_limit(Duration::ZERO),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`store_timeout(..)` of two seconds",
        about: About::Limits,
        configure: |builder| builder.store_timeout(Duration::from_secs(2)),
        deadline: Duration::from_secs(2),
        ..Policy::DEFAULT
    },
    Policy {
        name: "a store that keeps its time by itself (`answers_within`)",
        about: About::Surroundings,
        promised: Some(SECOND),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`listener(..)`",
        about: About::Surroundings,
        configure: |builder| builder.listener(Deaf),
        ..Policy::DEFAULT
    },
    Policy {
        name: "`statistics()`",
        about: About::Surroundings,
        configure: |builder| builder.statistics(),
        ..Policy::DEFAULT
    },
    Policy {
        name: "no runtime (`attach_runtime` was not called)",
        about: About::Surroundings,
        tasks: Tasks::None,
        ..Policy::DEFAULT
    },
];

/// Makes the engine ask the store for what changed.
struct Deaf;

#[async_trait]
impl SessionListener for Deaf {
    async fn notified(&self, _: &SessionNotice) {}
}
