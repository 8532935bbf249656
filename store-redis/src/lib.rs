//! Sessions in Redis or Valkey, a single server or a cluster: for a site that outgrew the
//! memory of one process.
//!
//! ```no_run
//! use session_core::{SecretKey, SessionManager};
//! use store_redis::RedisStore;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::connect("redis://127.0.0.1:6379").await?;
//! let sessions = SessionManager::builder()
//!     .secret_key(SecretKey::from_env("SESSION_SECRET")?)
//!     .store(store)
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! A cluster is `redis-cluster://HOST:PORT,HOST:PORT`, with any of its nodes; a prefix of its own
//! lets several applications share a server:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use store_redis::RedisStore;
//! # async fn start() -> Result<(), store_redis::ConnectError> {
//! let store = RedisStore::builder()
//!     .prefix("shop")
//!     .timeout(Duration::from_millis(500))
//!     .connect("redis-cluster://10.0.0.1:6379,10.0.0.2:6379")
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! It runs inside of tokio, and is tested with Redis 7.0 and Valkey 8.0. TLS is not spoken yet.
//!
//! # What is guaranteed
//!
//! All rules of the [contract](session_core::store), on a single server and on a cluster, for any
//! number of processes:
//!
//! - **A change set is applied completely or not at all, and once.** Each verb is one script. A
//!   write whose answer was lost is [`Unavailable`](session_core::store::StoreError::Unavailable)
//!   and never sent again; what is repeated are loads, and calls that a server refused.
//! - **A load is one round trip, and so is a change** (a load is two when its access turns out to
//!   need recording against what this process knew); so are a new session, and a new key on a
//!   single server while nobody is logged in. A login takes three, for the list of the principal
//!   is apart from the session; a new key in another part of a cluster takes four.
//! - **Exactly one key of a session is usable** at every moment, also when whoever gives it
//!   another one dies on the way, and no write that is in flight meanwhile is lost.
//! - **A limit of sessions holds** when logins race, between processes as well: a place is
//!   reserved before a session logs in. If whoever logs in dies on the way, that place counts for
//!   four minutes. Where the oldest sessions end instead, they end right after the login; if
//!   whoever logs in dies in between, the next login ends them.
//! - **A session that is there is listed** under its principal from the moment of the login,
//!   whatever dies on the way.
//! - **Everybody is ended** in one step on a single server. On a cluster it is one step for each
//!   of 256 groups of sessions, which are not ended in one instant; when the call has returned,
//!   they are. If it fails or dies on the way, some groups are ended, and the next sweep of any
//!   process ends the others.
//! - **An expired session is dead to the millisecond** by the clock of the caller. It is reported
//!   by one sweep, if one comes within an hour and the process that sweeps does not die before it
//!   has told; after an hour the server removes it by itself. Nothing is kept for ever but
//!   sessions that never expire.
//! - **A server that is down is an error within milliseconds**, one that does not answer within
//!   the [timeout](RedisStoreBuilder::timeout); nothing needs to be restarted when it is back.
//! - **A call that is given up disturbs no other.** Of sessions nothing is cached in
//!   this process but when some were last seen, which decides what is asked and never what is
//!   answered.
//!
//! # What the server itself promises
//!
//! An acknowledged write is as safe as Redis keeps it:
//!
//! - Without persistence, a restart ends all sessions: everybody logs in again.
//! - With an append-only file and `appendfsync always`, what was acknowledged survives the death
//!   of the server. With `everysec`, which is the default of the file, the last second or two
//!   may be lost: sessions are as they were then. A logout of that last second is undone, and an
//!   id that had been replaced may be usable again.
//! - A failover to a replica loses what the replica had not received, with the same effect: Redis
//!   acknowledges a write before its replicas have it. `min-replicas-to-write` narrows the gap,
//!   and closes it no more than `WAIT` does. Where a logout must never be undone, use a single
//!   server with `appendfsync always`, or a database that replicates synchronously.
//! - On a cluster, nodes lose such writes each for themselves. If the node of an old key forgets
//!   that a session moved away, both keys are usable until one is deleted or expires. If one
//!   forgets that everybody was ended, the next sweep ends its sessions again, and with them
//!   those that were made on it since.
//!
//! The server must not evict: set `maxmemory-policy noeviction`. One that is full refuses what
//! grows as [`Full`](session_core::store::Created::Full), and still reads, prolongs, shrinks and
//! deletes.
//!
//! While a slot of a cluster moves to another node, the group of sessions in it (a 256th of all)
//! may have to wait until all of its keys have moved, and longer than the timeout if those are
//! many. The clocks of the nodes should agree: a login and a move are refused when those of two
//! nodes differ by two minutes.
//!
//! # What is on the server
//!
//! A session is one hash; each attribute is a field with its revision. All names are
//! `PREFIX:{GROUP}:...` with hexadecimal digests for what is secret, so the store holds no id and
//! no cookie. The values of attributes are not encrypted. With one attribute of 100 bytes a session
//! takes about 820 bytes, and about 600 with `hash-max-listpack-value 1024`.
//!
//! The groups of a single server and of a cluster differ, so sessions do not come along when one
//! is replaced by the other.

mod address;
mod builder;
mod census;
mod change;
mod connection;
mod error;
mod generation;
mod lists;
mod load;
mod login;
mod moving;
mod names;
mod principals;
mod recent;
mod record;
mod script;
mod store;
mod sweep;

pub use builder::RedisStoreBuilder;
pub use error::ConnectError;
pub use store::RedisStore;
