//! What clients did to one session and what came of it, with the times at which they knew.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since the recording began.
pub(crate) type Nanos = u64;

/// The attributes that clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Attribute {
    /// Whose session this is. Nobody changes it, so that a value of another session shows.
    Name,
    Counter,
    Register,
    List,
}

impl Attribute {
    pub(crate) const ALL: [Self; 4] = [Self::Name, Self::Counter, Self::Register, Self::List];
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Number(i64),
    Text(String),
    List(Vec<i64>),
}

/// All attributes of a session, by their place in [`Attribute::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Attributes([Option<Value>; Attribute::ALL.len()]);

impl Attributes {
    pub(crate) const fn get(&self, attribute: Attribute) -> Option<&Value> {
        self.0[attribute as usize].as_ref()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().flatten()
    }

    pub(crate) fn set(&mut self, attribute: Attribute, value: Option<Value>) {
        self.0[attribute as usize] = value;
    }
}

/// One of the ids that a session has had, numbered as clients came to know them. The first
/// one is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token(pub(crate) usize);

impl Token {
    /// The id that the operation with this number gave, when its answer was lost: nobody has it.
    pub(crate) const fn unheard(number: usize) -> Self {
        Self(usize::MAX - number)
    }
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Get(Attribute),
    /// Everything that the session holds.
    Look,
    Put(Attribute, Value),
    Delete(Attribute),
    Increment(Attribute),
    Append(Attribute, i64),
    ChangeId,
    LogIn(String),
    Invalidate,
}

impl Call {
    /// True for what changes nothing, so that an answer that was lost tells nothing either.
    pub(crate) const fn is_read(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Look)
    }

    /// The one attribute that it is about; `None` when it is about the session.
    pub(crate) const fn attribute(&self) -> Option<Attribute> {
        match self {
            Self::Get(attribute)
            | Self::Put(attribute, _)
            | Self::Delete(attribute)
            | Self::Increment(attribute)
            | Self::Append(attribute, _) => Some(*attribute),
            Self::Look | Self::ChangeId | Self::LogIn(_) | Self::Invalidate => None,
        }
    }
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// The attribute has this value.
    Found(Value),
    /// This is what the session holds.
    Seen(Attributes, Option<String>),
    /// It is counted, up to this number.
    Counted(i64),
    /// The session has this id from now on.
    Rotated(Token),
    /// There is no such attribute, or no session.
    Absent,
    /// The attribute is of another type.
    WrongType,
    /// There is no session any more, or it has another id.
    NoSession,
    /// There was no session, so another one began.
    Began,
    /// It may have happened once, at any time since it was asked for, or never.
    Unknown,
    /// What must never be answered.
    Odd(String),
}

impl Outcome {
    /// The values that the client read.
    pub(crate) fn values(&self) -> Vec<&Value> {
        match self {
            Self::Found(value) => vec![value],
            Self::Seen(attributes, _) => attributes.values().collect(),
            _ => Vec::new(),
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) client: usize,
    pub(crate) server: usize,
    pub(crate) token: Token,
    pub(crate) call: Call,
    pub(crate) outcome: Outcome,
    /// Before its first byte was sent.
    pub(crate) invoked: Nanos,
    /// After its last byte was read.
    pub(crate) responded: Nanos,
}

impl Operation {
    /// When it must have happened, if it must.
    pub(crate) fn deadline(&self) -> Option<Nanos> {
        (self.outcome != Outcome::Unknown).then_some(self.responded)
    }
}

/// All that was done to one session.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// What the session held before, without anybody logged in.
    pub(crate) attributes: Attributes,
    pub(crate) operations: Vec<Operation>,
}

impl History {
    /// Takes the operations in the order in which they began, without reads that had no answer.
    pub(crate) fn new(attributes: Attributes, mut operations: Vec<Operation>) -> Self {
        operations.retain(|it| !(it.call.is_read() && it.outcome == Outcome::Unknown));
        operations.sort_by_key(|it| it.invoked);
        Self {
            attributes,
            operations,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |nanos: Nanos| Duration::from_nanos(nanos).as_secs_f64() * 1e6;
        let (began, ended) = (micros(self.invoked), micros(self.responded));
        let (client, server, Token(token)) = (self.client, self.server, self.token);
        write!(
            f,
            "{began:>13.3}..{ended:<13.3} us client {client:<2} server {server} id {token}: "
        )?;
        write!(f, "{:?} -> {:?}", self.call, self.outcome)
    }
}
