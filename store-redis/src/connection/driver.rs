//! The connection to one server, with settings for requests that somebody waits for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionInfo, Pipeline, RedisError, RedisResult, Value};

use crate::error::ConnectError;

/// The driver's connection to a server, on which calls are sent one after the other without
/// waiting for answers; a call that is given up disturbs no other.
pub(super) struct Driver {
    client: Client,
    config: ConnectionManagerConfig,
    current: Mutex<Current>,
}

/// The connection that calls use now.
struct Current {
    /// How many there were before it.
    number: u64,
    manager: ConnectionManager,
}

/// How long a connection may take to be made. A server that is down is known to be at once; one
/// that is not there at all costs this.
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(250);

/// How long bytes may stay unacknowledged by the other machine until a connection counts as
/// lost. A server that is merely slow acknowledges them.
#[cfg(target_os = "linux")]
const SILENCE_MAX: Duration = Duration::from_secs(5);

impl Driver {
    /// A server that is connected to when it is first asked.
    pub(super) fn new(info: ConnectionInfo, timeout: Duration) -> Result<Self, ConnectError> {
        let tcp = TcpSettings::default().set_nodelay(true);
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(SILENCE_MAX);
        // The defaults of the driver try for nine seconds while the server is down.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(Duration::from_millis(100))
            .set_connection_timeout(Some(CONNECTION_TIMEOUT.min(timeout)))
            .set_response_timeout(None);
        let refused = |error: RedisError| ConnectError::Refused(error.into());
        let client = Client::open(info.set_tcp_settings(tcp)).map_err(refused)?;
        let manager = lazy(&client, &config).map_err(refused)?;
        Ok(Self {
            client,
            config,
            current: Mutex::new(Current { number: 0, manager }),
        })
    }

    /// Sends commands in one piece, and answers what the server answers to `count` of them after
    /// `offset`. There is no limit of time but for connecting: callers have theirs.
    pub(super) async fn send_all(
        &self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let (number, mut manager) = self.current();
        let answers = manager.send_packed_commands(pipeline, offset, count);
        self.judge(number, answers.await)
    }

    fn current(&self) -> (u64, ConnectionManager) {
        let current = self.lock();
        (current.number, current.manager.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an answer on. The driver makes a connection anew that was lost, but not one whose
    /// greeting broke off or was refused: it would answer with that error for ever.
    fn judge<T>(&self, number: u64, answer: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &answer
            && may_be_of_the_greeting(error)
            && let Ok(manager) = lazy(&self.client, &self.config)
        {
            let mut current = self.lock();
            // Others may have met the same error, and replaced it already.
            if current.number == number {
                let number = number.wrapping_add(1);
                *current = Current { number, manager };
            }
        }
        answer
    }
}

fn lazy(client: &Client, config: &ConnectionManagerConfig) -> RedisResult<ConnectionManager> {
    ConnectionManager::new_lazy_with_config(client.clone(), config.clone())
}

/// True for what a server says, or is not understood to say, while a connection is made.
fn may_be_of_the_greeting(error: &RedisError) -> bool {
    match error.code() {
        Some(code) => ["LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS"].contains(&code),
        None => !error.is_io_error(),
    }
}
