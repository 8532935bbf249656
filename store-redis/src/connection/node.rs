//! One server.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ConnectionInfo, Pipeline, RedisResult, Value};

use super::driver::Driver;
use super::outbox::Outbox;
use crate::error::ConnectError;

/// A server. Clones share one connection.
#[derive(Clone)]
pub(super) struct Node(Arc<Outbox>);

impl Node {
    /// A server that is connected to when it is first asked. Answers take `timeout` at most.
    pub(super) fn new(info: ConnectionInfo, timeout: Duration) -> Result<Self, ConnectError> {
        let driver = Driver::new(info, timeout)?;
        Ok(Self(Arc::new(Outbox::new(driver, timeout))))
    }

    pub(super) async fn send(&self, command: Cmd) -> RedisResult<Value> {
        Ok(self.0.send(command, None).await?.value)
    }

    /// The fields of a hash, and after it a number, 0 when there is none.
    pub(super) async fn read(&self, hash: &str, number: &str) -> RedisResult<(Vec<Vec<u8>>, u64)> {
        let mut command = redis::cmd("HGETALL");
        command.arg(hash);
        let answered = self.0.send(command, Some(number)).await?;
        Ok((redis::from_redis_value(answered.value)?, answered.number))
    }

    /// Sends a command about a key that is on its way to this node. Both commands leave in one
    /// piece, so that no other call comes between them. The caller has a limit of time.
    pub(super) async fn send_asking(&self, command: Cmd) -> RedisResult<Value> {
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("ASKING").add_command(command);
        let mut answers = self.0.driver().send_all(&pipeline, 1, 1).await?;
        answers.pop().unwrap_or(Value::Nil).extract_error()
    }
}
