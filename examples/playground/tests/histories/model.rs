//! What a session does when one thing happens after the other.
//!
//! A request loads the session under the id that it was sent with, and changes it later. So a
//! change under an id that was rotated away still reaches the session, provided that the
//! request had loaded it before the rotation. Everything else happens at one moment.

use crate::history::{Attribute, Attributes, Call, Nanos, Operation, Outcome, Token, Value};

/// For how long no session begins under an id that was rotated away.
const GRACE: Nanos = 30_000_000_000;

/// A session between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    is_alive: bool,
    token: Token,
    principal: Option<String>,
    attributes: Attributes,
    left: Vec<Left>,
}

/// An id that the session had before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Left {
    token: Token,
    /// Requests that began until then may have loaded the session under this id. `None` where
    /// somebody else logged in: what was under way is not told where the session is.
    loaded_until: Option<Nanos>,
    /// The session had the id until then at least.
    since: Nanos,
}

impl State {
    /// A session that holds `attributes`, under its first id, with nobody logged in.
    pub(crate) const fn new(attributes: Attributes) -> Self {
        Self {
            is_alive: true,
            token: Token(0),
            principal: None,
            attributes,
            left: Vec::new(),
        }
    }

    /// The session after `operation`, or `None` when it cannot happen now as it was answered.
    /// `number` tells it from all others. Whatever began until `frontier` may have begun before
    /// this moment.
    pub(crate) fn after(
        &self,
        operation: &Operation,
        number: usize,
        frontier: Nanos,
    ) -> Option<Self> {
        let is_current = self.is_alive && self.token == operation.token;
        let value = |attribute: &Attribute| self.attributes.get(*attribute);
        let is_possible = match (&operation.call, &operation.outcome) {
            (Call::Get(attribute), Outcome::Found(found)) => {
                is_current && value(attribute) == Some(found)
            }
            (Call::Get(attribute), Outcome::Absent) => !is_current || value(attribute).is_none(),
            (Call::Look, Outcome::Seen(attributes, principal)) => {
                is_current && *attributes == self.attributes && *principal == self.principal
            }
            (Call::Look, Outcome::Absent) => !is_current,
            (Call::Increment(attribute), Outcome::WrongType) => {
                let is_other = |value: &Value| !matches!(value, Value::Number(_));
                self.reaches(operation) && value(attribute).is_some_and(is_other)
            }
            (Call::Append(attribute, _), Outcome::WrongType) => {
                let is_other = |value: &Value| !matches!(value, Value::List(_));
                self.reaches(operation) && value(attribute).is_some_and(is_other)
            }
            (call, Outcome::NoSession) => !call.is_read() && !is_current,
            (
                Call::Put(..) | Call::Increment(_) | Call::Append(..) | Call::LogIn(_),
                Outcome::Began,
            ) => self.is_forgotten(operation),
            // Nothing to remove, and no session begins.
            (Call::Delete(_), Outcome::Done) if !self.reaches(operation) => {
                self.is_forgotten(operation)
            }
            (Call::ChangeId | Call::LogIn(_), Outcome::Rotated(token)) if is_current => {
                return Some(self.rotated(operation, *token, frontier));
            }
            (Call::ChangeId | Call::LogIn(_), Outcome::Unknown) if is_current => {
                return Some(self.rotated(operation, Token::unheard(number), frontier));
            }
            (
                Call::Put(..) | Call::Delete(_) | Call::Append(..) | Call::Invalidate,
                Outcome::Done | Outcome::Unknown,
            )
            | (Call::Increment(_), Outcome::Counted(_) | Outcome::Unknown)
                if self.reaches(operation) =>
            {
                return self.changed(operation);
            }
            _ => false,
        };
        is_possible.then(|| self.clone())
    }

    /// True when only numbers, texts and the items of lists differ.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let is_alike = |attribute: Attribute| match (
            self.attributes.get(attribute),
            other.attributes.get(attribute),
        ) {
            (Some(Value::Number(_)), Some(Value::Number(_)))
            | (Some(Value::Text(_)), Some(Value::Text(_)))
            | (Some(Value::List(_)), Some(Value::List(_))) => true,
            (one, another) => one == another,
        };
        self.is_alive == other.is_alive
            && self.token == other.token
            && Attribute::ALL.into_iter().all(is_alike)
    }

    /// True when a change by this request gets to the session.
    fn reaches(&self, operation: &Operation) -> bool {
        let loaded_before = |left: &Left| {
            left.token == operation.token
                && left.loaded_until.is_some_and(|it| operation.invoked <= it)
        };
        self.is_alive && (self.token == operation.token || self.left.iter().any(loaded_before))
    }

    /// True when the id of this request says nothing to anybody any more.
    fn is_forgotten(&self, operation: &Operation) -> bool {
        let long_ago = |left: &Left| {
            left.token == operation.token && operation.responded >= left.since + GRACE
        };
        !self.is_alive || self.left.iter().any(long_ago)
    }

    fn changed(&self, operation: &Operation) -> Option<Self> {
        let mut next = self.clone();
        let (attribute, value) = match &operation.call {
            Call::Put(attribute, value) => (*attribute, Some(value.clone())),
            Call::Delete(attribute) => (*attribute, None),
            Call::Increment(attribute) => {
                let counted = match self.attributes.get(*attribute) {
                    None => 1,
                    Some(Value::Number(number)) => number + 1,
                    Some(_) => return None,
                };
                let is_told =
                    matches!(&operation.outcome, Outcome::Counted(told) if *told != counted);
                if is_told {
                    return None;
                }
                (*attribute, Some(Value::Number(counted)))
            }
            Call::Append(attribute, item) => {
                let mut list = match self.attributes.get(*attribute) {
                    None => Vec::new(),
                    Some(Value::List(list)) => list.clone(),
                    Some(_) => return None,
                };
                list.push(*item);
                (*attribute, Some(Value::List(list)))
            }
            Call::Invalidate => {
                next.is_alive = false;
                return Some(next);
            }
            Call::Get(_) | Call::Look | Call::ChangeId | Call::LogIn(_) => return None,
        };
        next.attributes.set(attribute, value);
        Some(next)
    }

    /// The session under another id. A login over somebody else starts with nothing.
    fn rotated(&self, operation: &Operation, token: Token, frontier: Nanos) -> Self {
        let mut next = self.clone();
        next.left.push(Left {
            token: self.token,
            loaded_until: Some(frontier),
            since: operation.invoked,
        });
        next.token = token;
        if let Call::LogIn(principal) = &operation.call {
            let is_other = self.principal.as_ref().is_some_and(|it| it != principal);
            if is_other {
                next.attributes = Attributes::default();
                for left in &mut next.left {
                    left.loaded_until = None;
                }
            }
            next.principal = Some(principal.clone());
        }
        next
    }
}
