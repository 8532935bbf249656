use chat::frameworks::Framework;
use testbed::{Kind, Store};

const FRAMEWORK: Framework = Framework::Actix;
const STORE: Store = Store::On(Kind::Postgres);

#[path = "../suite/of_sessions.rs"]
mod suite;
