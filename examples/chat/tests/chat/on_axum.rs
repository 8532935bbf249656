use chat::frameworks::Framework;

const FRAMEWORK: Framework = Framework::Axum;

#[path = "suite/mod.rs"]
pub(crate) mod suite;
