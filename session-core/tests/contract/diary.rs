//! What listeners are told, written down in order.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::{SessionChange, SessionListener, SessionManagerBuilder, SessionNotice};

use crate::given::{Distance, Given};

/// What listeners were told, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Writes down what it is told.
pub(crate) struct Chronicler(pub(crate) Diary);

#[async_trait]
impl SessionListener for Chronicler {
    async fn notified(&self, notice: &SessionNotice) {
        self.0.write(line(notice));
    }
}

pub(crate) fn line(notice: &SessionNotice) -> String {
    let number = |value: &session_core::AttributeValue| value.get::<u32>().unwrap();
    match notice.change() {
        SessionChange::Created => "created".into(),
        SessionChange::Destroyed(reason) => format!("destroyed {reason:?}"),
        SessionChange::IdChanged { .. } => "id changed".into(),
        SessionChange::AttributeAdded { name, value } => {
            format!("added {name}={}", number(value))
        }
        SessionChange::AttributeReplaced { name, old, value } => {
            format!("replaced {name}={} by {}", number(old), number(value))
        }
        SessionChange::AttributeRemoved { name, old } => format!("removed {name}={}", number(old)),
        other => format!("{other:?}"),
    }
}

pub(crate) fn with_diary(
    distance: Distance,
    configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
) -> (Given, Diary) {
    let diary = Diary::default();
    let chronicler = Chronicler(diary.clone());
    let given = Given::at(distance, |builder| configure(builder.listener(chronicler)));
    (given, diary)
}

pub(crate) fn near_and_far() -> [(Given, Diary); 2] {
    [Distance::Near, Distance::Far].map(|distance| with_diary(distance, |builder| builder))
}

pub(crate) fn told(given: &Given, diary: &Diary) -> Vec<String> {
    given.runtime.run_until_stalled();
    diary.take()
}
