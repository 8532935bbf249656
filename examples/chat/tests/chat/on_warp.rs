use chat::frameworks::Framework;

const FRAMEWORK: Framework = Framework::Warp;

#[path = "suite/mod.rs"]
mod suite;
