//! Histories written by hand.

use std::ops::Range;

use crate::checker::{Explained, Reason, check};
use crate::history::{
    Attribute, Attributes, Call, History, Nanos, Operation, Outcome, Token, Value,
};

/// An operation under the first id, within these times.
pub(crate) fn did(times: Range<Nanos>, call: Call, outcome: Outcome) -> Operation {
    Operation {
        client: 0,
        server: 0,
        token: Token(0),
        call,
        outcome,
        invoked: times.start,
        responded: times.end,
    }
}

impl Operation {
    /// The same under another id.
    pub(crate) fn under(mut self, token: usize) -> Self {
        self.token = Token(token);
        self
    }
}

/// What a session with the name `ada` holds besides.
pub(crate) fn holding(attributes: &[(Attribute, Value)]) -> Attributes {
    let mut all = Attributes::default();
    all.set(Attribute::Name, Some(name("ada")));
    for (attribute, value) in attributes {
        all.set(*attribute, Some(value.clone()));
    }
    all
}

pub(crate) fn name(name: &str) -> Value {
    Value::Text(name.into())
}

/// A look at an anonymous session that holds this.
pub(crate) fn seen(attributes: &[(Attribute, Value)]) -> Outcome {
    Outcome::Seen(holding(attributes), None)
}

/// What must be explained.
pub(crate) fn accept(operations: Vec<Operation>) -> Explained {
    let history = History::new(holding(&[]), operations);
    check(&history).unwrap_or_else(|unexplained| panic!("{unexplained}"))
}

/// What cannot be explained.
pub(crate) fn refuse(operations: Vec<Operation>) {
    let history = History::new(holding(&[]), operations);
    match check(&history) {
        Ok(_) => panic!("explained: {history:#?}"),
        Err(unexplained) => assert_eq!(unexplained.reason, Reason::NoOrder, "{unexplained}"),
    }
}
