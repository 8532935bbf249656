//! The way of one request through the engine: admit what the client sent, bind the session
//! it names, commit what the handler changed, deliver the headers.

pub(crate) mod admit;
pub(crate) mod bind;
pub(crate) mod commit;
pub(crate) mod deliver;
pub(crate) mod door;
