//! Calls that are made at the same time travel together.
//!
//! Many requests wait for the store at a time. What each call of the driver costs beside its
//! bytes (a message to the connection, an answer, a timer) is paid once for all calls that were
//! made before the runtime came round to sending them, and so is the question for the generation,
//! which every read asks. Nobody waits for others to come: a call that is alone leaves alone.
//!
//! A process may have several runtimes, one for each worker of actix-web. Only calls of one runtime
//! travel together: whoever is sent by another one waits as long as that is busy with something
//! else, and the timer that ends waiting stands still there, too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::driver::Driver;

/// How many calls travel together at most: the first answer waits for the last one.
const TOGETHER_MAX: usize = 64;

/// The calls to a server that have not left yet.
pub(super) struct Outbox {
    driver: Driver,
    /// How long the answers may take, from when the calls leave.
    timeout: Duration,
    /// For each runtime where somebody is about to send what waits.
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    runtime: Id,
    calls: Vec<Waiter>,
    /// The keys of the numbers that some of the calls ask for, each once.
    numbers: Vec<String>,
}

/// What whoever put a call down has to do.
enum Next {
    /// Nothing: somebody else is about to send what waits.
    SomebodyLeaves,
    /// To send what waits after a turn.
    Leave,
    /// To send these at once: they are enough.
    LeaveWith(Waiting),
}

struct Waiter {
    command: Cmd,
    /// Which of the numbers is asked for, to be read after the command was carried out.
    number: Option<usize>,
    answer: oneshot::Sender<RedisResult<Answered>>,
}

/// What a call is answered with.
pub(super) struct Answered {
    pub(super) value: Value,
    /// The number that was asked for, 0 when there is none.
    pub(super) number: u64,
}

impl Outbox {
    pub(super) fn new(driver: Driver, timeout: Duration) -> Self {
        Self {
            driver,
            timeout,
            waiting: Mutex::default(),
        }
    }

    pub(super) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Sends a command, and asks for the number under the key `number` after it. The answer is
    /// there within the timeout, or is an error.
    pub(super) async fn send(
        self: &Arc<Self>,
        command: Cmd,
        number: Option<&str>,
    ) -> RedisResult<Answered> {
        let (answer, answered) = oneshot::channel();
        let runtime = Handle::current();
        match self.put_down(runtime.id(), command, number, answer) {
            Next::SomebodyLeaves => {}
            Next::Leave => {
                let leaving = Leaving {
                    outbox: Some(self.clone()),
                    runtime: runtime.id(),
                };
                runtime.spawn(async move {
                    // Whoever is about to call as well has a turn first.
                    yield_now().await;
                    if let Some((outbox, waiting)) = leaving.take() {
                        outbox.deliver(waiting).await;
                    }
                });
            }
            Next::LeaveWith(waiting) => {
                let outbox = self.clone();
                runtime.spawn(async move { outbox.deliver(waiting).await });
            }
        }
        let gone = |_| RedisError::from((ErrorKind::Io, "the runtime that sends calls has ended"));
        answered.await.map_err(gone)?
    }

    fn put_down(
        &self,
        runtime: Id,
        command: Cmd,
        number: Option<&str>,
        answer: oneshot::Sender<RedisResult<Answered>>,
    ) -> Next {
        let mut all = self.waiting();
        let place = all.iter().position(|waiting| waiting.runtime == runtime);
        let next = place.map_or(Next::Leave, |_| Next::SomebodyLeaves);
        let place = place.unwrap_or_else(|| {
            all.push(Waiting {
                runtime,
                calls: Vec::new(),
                numbers: Vec::new(),
            });
            all.len() - 1
        });
        let waiting = &mut all[place];
        let number = number.map(|number| waiting.place_of(number));
        waiting.calls.push(Waiter {
            command,
            number,
            answer,
        });
        if waiting.calls.len() == TOGETHER_MAX {
            return Next::LeaveWith(all.swap_remove(place));
        }
        next
    }

    /// What waits on a runtime, if it has not left already.
    fn take(&self, runtime: Id) -> Option<Waiting> {
        let mut all = self.waiting();
        let place = all.iter().position(|waiting| waiting.runtime == runtime)?;
        Some(all.swap_remove(place))
    }

    async fn deliver(&self, Waiting { calls, numbers, .. }: Waiting) {
        let count = calls.len() + numbers.len();
        let mut pipeline = Pipeline::with_capacity(count);
        let mut waiters = Vec::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(call.command);
            waiters.push((call.number, call.answer));
        }
        for number in &numbers {
            pipeline.cmd("GET").arg(number);
        }
        let sent = timeout(self.timeout, self.driver.send_all(&pipeline, 0, count)).await;
        let late = || RedisError::from((ErrorKind::Io, "the server did not answer in time"));
        let answers = sent
            .unwrap_or_else(|_| Err(late()))
            .and_then(|mut answers| {
                if answers.len() != count {
                    let what = "every call has an answer";
                    return Err(RedisError::from((ErrorKind::Parse, what)));
                }
                let numbers = answers.split_off(waiters.len());
                Ok((answers, numbers))
            });
        // Nobody may wait any more, which is no matter.
        match answers {
            Ok((answers, numbers)) => {
                for ((number, waiter), value) in waiters.into_iter().zip(answers) {
                    let number = number.map(|place| numbers[place].clone());
                    let _ = waiter.send(answered(value, number));
                }
            }
            Err(error) => {
                for (_, waiter) in waiters {
                    let _ = waiter.send(Err(error.clone()));
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn place_of(&mut self, number: &str) -> usize {
        let place = self.numbers.iter().position(|known| known == number);
        place.unwrap_or_else(|| {
            self.numbers.push(number.to_owned());
            self.numbers.len() - 1
        })
    }
}

/// The duty to send what waits on a runtime. A runtime that ends drops it: those who wait there
/// learn of it then.
struct Leaving {
    outbox: Option<Arc<Outbox>>,
    runtime: Id,
}

impl Leaving {
    fn take(mut self) -> Option<(Arc<Outbox>, Waiting)> {
        let outbox = self.outbox.take()?;
        let waiting = outbox.take(self.runtime)?;
        Some((outbox, waiting))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(outbox) = self.outbox.take() {
            let abandoned = outbox.take(self.runtime);
            drop(abandoned);
        }
    }
}

fn answered(value: Value, number: Option<Value>) -> RedisResult<Answered> {
    let number: Option<u64> = match number {
        Some(number) => redis::from_redis_value(number.extract_error()?)?,
        None => None,
    };
    // An error is never inside of another answer here.
    if let Value::ServerError(error) = value {
        return Err(error.into());
    }
    Ok(Answered {
        value,
        number: number.unwrap_or_default(),
    })
}
