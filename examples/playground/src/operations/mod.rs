//! What the routes do, each an `async fn` from a [`Call`](crate::call::Call) to an
//! [`Answer`]. Frameworks route to these directly.

pub(crate) mod administration;
pub(crate) mod attributes;
pub(crate) mod devices;
pub(crate) mod form;
pub(crate) mod lifecycle;
pub(crate) mod login;
pub(crate) mod responses;
pub(crate) mod socket;
pub(crate) mod statistics;
pub(crate) mod streaming;

use std::time::Duration;

use crate::answer::Answer;
use crate::refusal::Refusal;

/// What every operation answers.
pub(crate) type Outcome = Result<Answer, Refusal>;

/// The delay that a visitor asked for, so that requests can be made to overlap.
async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}
