//! The contract of the engine, without HTTP: what a visitor, a handler and an adapter can rely
//! on. `docs/conformance.md` says which statement of which standard each test stands for.

mod accessor;
mod accessor_and_ids;
mod attribute_listeners;
mod attributes;
mod cancellation;
mod changes_during_a_save;
mod concurrency;
mod configuration;
mod cookie;
mod cookie_or_header;
mod csrf;
mod diary;
mod endings;
mod every_future;
mod failures;
mod freshness;
mod given;
mod keep_alive;
mod lagging;
mod late_logouts;
mod late_writes;
mod ledger;
mod limits;
mod listeners;
mod listeners_beside_requests;
mod meanwhile;
#[cfg(feature = "metrics")]
mod metrics_facade;
mod model;
mod onlooker;
mod order_of_notices;
mod panics;
mod presented_ids;
mod principals;
mod random_ids;
mod remember_me;
mod requested_ids;
mod requests_and_ids;
mod response_headers;
mod rotation;
mod session_limit;
mod slow_store;
#[cfg(unix)]
mod snapshot_file;
mod state;
mod statistics;
mod store;
mod sweeping;
mod table;
mod time;
mod token_header;
#[cfg(feature = "tracing")]
mod tracing_events;
mod writes;
