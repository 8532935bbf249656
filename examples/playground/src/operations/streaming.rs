//! A body that writes to the session while it is sent.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use session_core::Session;

use super::Outcome;
use crate::answer::{Answer, Cut};
use crate::arguments::BadArgument;
use crate::call::Call;
use crate::stop::{Stop, pause_unless};

/// `GET /stream`
pub(crate) async fn stream(call: Call) -> Outcome {
    let query = call.query()?;
    let lines: Option<u64> = query.number("chunks")?;
    let lines = lines.ok_or(BadArgument::Missing("chunks"))?;
    let interval = query.number("interval_ms")?.unwrap_or(0);
    let attribute = query.attribute("attribute")?;
    let session = call.session().await?;
    if lines > 0 {
        // A session must begin before the response head leaves, since its id travels there.
        session.set_attribute(&attribute, &1_u64)?;
    }
    let count = Count {
        session,
        attribute,
        lines,
        interval: Duration::from_millis(interval),
        stop: call.site.stop,
    };
    Ok(Answer::stream("text/plain; charset=utf-8", count.lines()))
}

/// A count in lines of text, kept in the session as far as it got.
struct Count {
    session: Session,
    attribute: String,
    lines: u64,
    interval: Duration,
    stop: Stop,
}

impl Count {
    /// The lines. When the program stops they break off, and so they do once it is known that
    /// the session ended: writes are stored, and so refused, about every second. A stream that
    /// is over before that ends as if nothing had happened, and revives nothing.
    fn lines(self) -> impl Stream<Item = Result<Bytes, Cut>> + Send + Sync {
        stream::try_unfold((self, 1), async |(count, line)| {
            if line > count.lines {
                return Ok(None);
            }
            if line > 1 {
                pause_unless(&count.stop, count.interval).await?;
                count.session.set_attribute(&count.attribute, &line)?;
            }
            Ok(Some((Bytes::from(format!("{line}\n")), (count, line + 1))))
        })
    }
}
