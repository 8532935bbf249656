//! What listeners are told, and that nobody is forgotten in their queue.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::{Session, SessionChange, SessionListener, SessionNotice};
use shuttle::future::{block_on, yield_now};
use shuttle::thread;

use crate::explore::explore;
use crate::site::*;

/// The values of `n` as they came and went.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<Change>>>);

/// What a value was before, and what it is.
type Change = (Option<i64>, Option<i64>);

#[async_trait]
impl SessionListener for Diary {
    async fn notified(&self, notice: &SessionNotice) {
        yield_now().await;
        let change = match notice.change() {
            SessionChange::AttributeAdded { value, .. } => (None, value.get().ok()),
            SessionChange::AttributeReplaced { old, value, .. } => {
                (old.get().ok(), value.get().ok())
            }
            SessionChange::AttributeRemoved { old, .. } => (old.get().ok(), None),
            _ => return,
        };
        self.0.lock().unwrap().push(change);
    }
}

#[test]
fn listeners_are_told_everything_once_in_the_order_of_the_store() {
    for distance in NEAR_AND_FAR {
        explore(move || {
            let diary = Diary::default();
            let told = diary.clone();
            let site = site_with(distance, |builder| builder.listener(diary));
            let ada = visitor_with_session(&site);
            let requests: Vec<_> = (0..2)
                .map(|_| {
                    let mut ada = ada.clone();
                    thread::spawn(move || {
                        visit(&mut ada, |session| increment(session, "n")).unwrap();
                    })
                })
                .collect();
            requests.into_iter().for_each(|it| it.join().unwrap());
            visit(&mut ada.clone(), Session::invalidate).unwrap();
            block_on(site.sessions().drain());
            let expected = [
                (None, Some(1)),
                (Some(1), Some(2)),
                (Some(2), Some(3)),
                (Some(3), None),
            ];
            assert_eq!(*told.0.lock().unwrap(), expected);
        });
    }
}
