use chat::frameworks::Framework;
use testbed::{Kind, Store};

const FRAMEWORK: Framework = Framework::Warp;
const STORE: Store = Store::On(Kind::RedisCluster);

#[path = "../suite/of_sessions.rs"]
mod suite;
