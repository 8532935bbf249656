use chat::frameworks::Framework;
use testbed::Store;

const FRAMEWORK: Framework = Framework::Actix;
const STORE: Store = Store::Sqlite;

#[path = "suite/of_sessions.rs"]
mod suite;
