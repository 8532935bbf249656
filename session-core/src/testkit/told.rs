//! What this process tells through `tracing`, whatever its level and whoever tells it.

use std::fmt::{self, Write};
use std::fs::File;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::witness::write;

/// Begins to write what is told to the file, once for a process.
pub(super) fn listen(open: impl FnOnce() -> File) {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let subscriber = Told {
            file: open(),
            spans: AtomicU64::new(1),
        };
        // A test that has a subscriber of its own for the whole process hears it itself.
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

/// Writes everything down, one line each.
struct Told {
    file: File,
    spans: AtomicU64,
}

impl Told {
    fn tell(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
        let (level, target, name) = (metadata.level(), metadata.target(), metadata.name());
        let mut line = Line(format!("{level} {target} {name}"));
        record(&mut line);
        line.0.push('\n');
        write(&self.file, &line.0);
    }
}

impl Subscriber for Told {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.tell(span.metadata(), |line| span.record(line));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("recorded".into());
        values.record(&mut line);
        line.0.push('\n');
        write(&self.file, &line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.tell(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail, and what fails to print is told by somebody else.
        let _ = write!(self.0, " {field}={value:?}");
    }
}
