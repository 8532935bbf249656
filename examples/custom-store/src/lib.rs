//! A store of one's own: sessions in one file of [redb], an embedded database that the engine
//! has never heard of.
//!
//! [`Record::apply`](session_core::Record::apply) and
//! [`Record::to_bytes`](session_core::Record::to_bytes) do the hard part. What is left is
//! `sessions.rs`, a verb at a time: read what is under a key, decide, write it back, all in one
//! transaction; and `store.rs`, which runs them. Whether that was right is for the test kit to say: `tests/rules.rs`
//! runs every rule of the contract against it.
//!
//! [redb]: https://www.redb.org

mod entry;
mod sessions;
mod store;

pub use store::RedbStore;
