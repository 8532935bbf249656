//! The store on real servers: what breaks on purpose, what happens at once, and what is left on
//! the server.

mod crashes;
mod damage;
mod differential;
mod frozen;
mod histories;
mod outages;
mod parallel;
mod prefixes;
mod principals;
mod resharding;
mod roundtrips;
mod stage;
mod steps;
mod sweeps;
mod together;
mod ttl;
