use chat::frameworks::Framework;

const FRAMEWORK: Framework = Framework::Actix;

#[path = "suite/mod.rs"]
mod suite;
