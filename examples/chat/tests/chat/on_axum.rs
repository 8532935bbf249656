use chat::frameworks::Framework;
use testbed::Store;

const FRAMEWORK: Framework = Framework::Axum;
const STORE: Store = Store::Memory;

#[path = "suite/mod.rs"]
pub(crate) mod suite;
