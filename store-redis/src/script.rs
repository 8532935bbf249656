//! The scripts, and calls of them.

use std::sync::LazyLock;

use redis::Cmd;

use crate::error::Fault;
use crate::names::Group;
use session_core::store::StoreError;

/// A script as the server knows it.
pub(crate) struct Script {
    source: &'static str,
    hash: LazyLock<String>,
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)+) => {
        $(pub(crate) static $name: Script = Script {
            source: concat!($(include_str!($file)),+),
            hash: LazyLock::new(|| hash(concat!($(include_str!($file)),+))),
        };)+
    };
}

scripts! {
    ARRIVE = "scripts/shared.lua" "scripts/arrive.lua";
    CHANGE = "scripts/plain_change.lua" "scripts/shared.lua" "scripts/change.lua";
    CONFIRM = "scripts/shared.lua" "scripts/confirm.lua";
    COUNT = "scripts/shared.lua" "scripts/count.lua";
    CREATE = "scripts/create.lua";
    DELETE = "scripts/shared.lua" "scripts/delete.lua";
    DUE = "scripts/shared.lua" "scripts/due.lua";
    ENTRIES = "scripts/shared.lua" "scripts/entries.lua";
    FETCH = "scripts/shared.lua" "scripts/fetch.lua";
    FINISH = "scripts/shared.lua" "scripts/finish.lua";
    FORGET = "scripts/shared.lua" "scripts/forget.lua";
    GENERATION = "scripts/shared.lua" "scripts/generation.lua";
    LOAD = "scripts/plain_load.lua" "scripts/shared.lua" "scripts/load.lua";
    OUTDATED = "scripts/shared.lua" "scripts/outdated.lua";
    PAGE = "scripts/shared.lua" "scripts/page.lua";
    PEEK = "scripts/shared.lua" "scripts/peek.lua";
    RAISE = "scripts/shared.lua" "scripts/raise.lua";
    REAP = "scripts/shared.lua" "scripts/reap.lua";
    REPORTED = "scripts/shared.lua" "scripts/reported.lua";
    RESERVE = "scripts/shared.lua" "scripts/reserve.lua";
    RETRACT = "scripts/shared.lua" "scripts/retract.lua";
    STAGE = "scripts/shared.lua" "scripts/stage.lua";
    STRIKE = "scripts/shared.lua" "scripts/strike.lua";
    UNSTAGE = "scripts/shared.lua" "scripts/unstage.lua";
}

fn hash(source: &str) -> String {
    redis::Script::new(source).get_hash().to_owned()
}

/// A number as the scripts know them.
pub(crate) const fn number(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// A call of a script, to be sent to the node that has the group.
pub(crate) struct Call {
    pub(crate) group: Group,
    script: &'static Script,
    keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(crate) const fn of(script: &'static Script, group: Group) -> Self {
        Self {
            group,
            script,
            keys: Vec::new(),
            arguments: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn key(mut self, key: String) -> Self {
        self.keys.push(key);
        self
    }

    #[must_use]
    pub(crate) fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// The command for a server that knows the script.
    pub(crate) fn short(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// The command for a server that does not.
    pub(crate) fn long(&self) -> Cmd {
        self.command("EVAL", self.script.source)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        for argument in &self.arguments {
            command.arg(&argument[..]);
        }
        command
    }
}

/// What a script answered: a letter, and what comes with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) letter: u8,
    parts: std::vec::IntoIter<redis::Value>,
}

impl Answer {
    pub(crate) fn of(value: redis::Value) -> Result<Self, Fault> {
        let redis::Value::Array(parts) = value else {
            return Err(Fault::damaged(
                "a script answered something else than a list",
            ));
        };
        let mut answer = Self {
            letter: 0,
            parts: parts.into_iter(),
        };
        answer.letter = answer.bytes()?.first().copied().unwrap_or_default();
        match answer.letter {
            b'D' => Err(Fault::damaged("the record is damaged")),
            b'N' => {
                let version = answer.bytes()?.first().copied().unwrap_or_default();
                Err(Fault::Record(StoreError::NewerFormat { version }))
            }
            b'T' => Err(Fault::Refused(
                "the server came to the call after its time".into(),
            )),
            _ => Ok(answer),
        }
    }

    /// An answer that no script gives here.
    pub(crate) fn unexpected<T>(&self) -> Result<T, Fault> {
        Err(Fault::damaged(
            "a script gave an answer that it should not give",
        ))
    }

    fn next(&mut self) -> redis::Value {
        self.parts.next().unwrap_or(redis::Value::Nil)
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Fault> {
        match self.next() {
            redis::Value::BulkString(bytes) => Ok(bytes),
            _ => Err(Fault::damaged(
                "a script answered something else than bytes",
            )),
        }
    }

    /// Bytes, or nothing where the script has none.
    pub(crate) fn optional_bytes(&mut self) -> Option<Vec<u8>> {
        match self.next() {
            redis::Value::BulkString(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.bytes()?;
        let wrong = |_| Fault::damaged("a script answered bytes of another length");
        bytes.try_into().map_err(wrong)
    }

    /// A number in eight bytes.
    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A number in decimal digits.
    pub(crate) fn digits(&mut self) -> Result<u64, Fault> {
        let bytes = self.bytes()?;
        let digits = str::from_utf8(&bytes).ok();
        let number = digits.and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| Fault::damaged("a script answered no number"))
    }

    /// A list of bytes, or nothing where the script has none.
    pub(crate) fn list(&mut self) -> Option<Vec<Vec<u8>>> {
        match self.next() {
            redis::Value::Array(values) => Some(values.into_iter().filter_map(bytes_of).collect()),
            _ => None,
        }
    }

    /// A list of records, each with a letter before it.
    pub(crate) fn records(&mut self) -> Vec<(u8, Vec<Vec<u8>>)> {
        let redis::Value::Array(values) = self.next() else {
            return Vec::new();
        };
        let mut records = Vec::with_capacity(values.len() / 2);
        let mut values = values.into_iter();
        while let (Some(letter), Some(redis::Value::Array(fields))) =
            (values.next().and_then(bytes_of), values.next())
        {
            let letter = letter.first().copied().unwrap_or_default();
            records.push((letter, fields.into_iter().filter_map(bytes_of).collect()));
        }
        records
    }
}

fn bytes_of(value: redis::Value) -> Option<Vec<u8>> {
    match value {
        redis::Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}
