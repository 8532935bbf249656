//! Proof before any timing that a library does its job: a time for work that was not done is
//! worth nothing.

use std::error::Error;

use crate::site::Library;
use crate::visitor::{Visit, ask, gather};

/// Sends two visitors through every library that stores sessions.
pub(crate) async fn all_do_their_job() -> Result<(), Box<dyn Error>> {
    for library in Library::STORING {
        let mut router = library.router().await?;
        let cookies = gather(library, &mut router, 2).await?;
        let steps = [
            (0, Visit::Count, "2"),
            (1, Visit::Read, "1"),
            (0, Visit::Count, "3"),
            (0, Visit::Read, "3"),
            (1, Visit::Count, "2"),
        ];
        for (visitor, visit, expected) in steps {
            let page = ask(&mut router, visit, Some(&cookies[visitor])).await?;
            if page.text() != expected {
                let (name, text) = (library.name(), page.text());
                return Err(format!("{name}: {text:?} instead of {expected:?}").into());
            }
        }
        let stranger = ask(&mut router, Visit::Read, None).await?;
        if !stranger.had_no_session(Visit::Read) {
            return Err(format!("{} knows a stranger", library.name()).into());
        }
    }
    Ok(())
}
