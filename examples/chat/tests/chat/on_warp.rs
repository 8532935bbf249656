use chat::frameworks::Framework;
use testbed::Store;

const FRAMEWORK: Framework = Framework::Warp;
const STORE: Store = Store::Memory;

#[path = "suite/mod.rs"]
mod suite;
