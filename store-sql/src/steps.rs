//! The statements of [steps](crate::foreseen::Step): what is written alone or together.

use crate::batches::TOGETHER_MAX;
use crate::dialect::{Placeholders, Sql, Syntax};
use crate::statements::{insert, marks};

/// What a row is compared by with what was read before.
const AS_READ: [&str; 5] = [
    "store_key",
    "revision",
    "accessed_at",
    "issued_at",
    "handle",
];

/// What else is so for a row that is as it was. The sum keeps a planner from looking for all sessions
/// of the generation, by their index.
const STILL_THERE: &str = "AND format = 1 AND ended = 0 AND moved_to IS NULL \
    AND generation + 0 = (SELECT generation FROM session_generation)";

/// The columns of an attribute.
const ATTRIBUTE: &str = "store_key, name, revision, codec, value";

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Changes a row, but nothing that is indexed.
    Touch,
    /// Changes a row.
    TouchAndIndex,
    /// Changes a row, but nothing that is indexed, and writes an attribute.
    Put,
    /// Changes a row and writes an attribute.
    PutAndIndex,
    /// Makes a session with one attribute. PostgreSQL has a statement for any number of them.
    Create,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Touch,
        Self::TouchAndIndex,
        Self::Put,
        Self::PutAndIndex,
        Self::Create,
    ];

    /// What an update sets, in the order of the values.
    const fn set(self) -> &'static [&'static str] {
        match self {
            Self::TouchAndIndex | Self::PutAndIndex => &[
                "revision",
                "accessed_at",
                "issued_at",
                "idle_limit",
                "expires_at",
                "sweep_from",
            ],
            Self::Touch | Self::Put | Self::Create => &[
                "revision",
                "accessed_at",
                "issued_at",
                "idle_limit",
                "expires_at",
            ],
        }
    }

    /// For one step: a statement, or two of which the second does nothing unless the first did.
    fn script(self, syntax: &Syntax) -> String {
        let row = match self {
            Self::Create => format!("{}{} RETURNING store_key", insert(), syntax.or_nothing),
            _ => format!(
                "UPDATE session_record SET {} = ? WHERE {} = ? {STILL_THERE} RETURNING store_key",
                self.set().join(" = ?, "),
                AS_READ.join(" = ? AND "),
            ),
        };
        match self {
            Self::Touch | Self::TouchAndIndex => row,
            Self::Put | Self::PutAndIndex | Self::Create => format!(
                "{row}; INSERT INTO session_attribute ({ATTRIBUTE}) SELECT ?, ?, ?, ?, ? \
                 WHERE changes() > 0{}",
                syntax.or_update
            ),
        }
    }

    /// For any number of steps, given as lists of their values. What is locked is left out; a row is
    /// compared once it is locked, and stays as it is until it is changed.
    fn statement(self, syntax: &Syntax) -> Option<String> {
        let set = self.set();
        let new = set.iter().map(|column| format!("new_{column}"));
        let mut given: Vec<String> = new.chain(AS_READ.map(String::from)).collect();
        let written = match self {
            Self::Touch | Self::TouchAndIndex => String::new(),
            Self::Put | Self::PutAndIndex => {
                let attribute = ["owner", "name", "attribute_revision", "codec", "value"];
                given.extend(attribute.map(String::from));
                format!(
                    ", written AS (INSERT INTO session_attribute ({ATTRIBUTE}) \
                     SELECT g.owner, g.name, g.attribute_revision, g.codec, g.value \
                     FROM changed c JOIN given g ON g.store_key = c.store_key{})",
                    syntax.or_update
                )
            }
            Self::Create => return None,
        };
        let set = set
            .iter()
            .map(|column| format!("{column} = g.new_{column}"));
        let is_same = AS_READ.map(|column| format!("r.{column} = g.{column}"));
        Some(format!(
            "WITH given AS MATERIALIZED (SELECT * FROM unnest({}) AS g ({})), \
             free AS MATERIALIZED (SELECT r.store_key FROM given g \
             JOIN session_record r ON {} {STILL_THERE} FOR UPDATE OF r SKIP LOCKED), \
             changed AS (UPDATE session_record r SET {} \
             FROM given g JOIN free f ON f.store_key = g.store_key \
             WHERE r.store_key = g.store_key RETURNING r.store_key){written} \
             SELECT store_key FROM changed",
            marks(given.len()),
            given.join(", "),
            is_same.join(" AND "),
            set.collect::<Vec<_>>().join(", "),
        ))
    }
}

/// The statements of all kinds of steps. They answer the keys of what they wrote.
pub(crate) struct Steps([Vec<Sql>; Kind::ALL.len()]);

impl Steps {
    pub(crate) fn new(make: impl Fn(&str) -> Sql, syntax: &Syntax) -> Self {
        Self(Kind::ALL.map(|kind| {
            match syntax.placeholders {
                Placeholders::Numbers => kind.statement(syntax).iter().map(|it| make(it)).collect(),
                // A transaction, one for each power of two.
                Placeholders::Marks => (0..=TOGETHER_MAX.ilog2())
                    .map(|power| {
                        let steps = format!("{}; ", kind.script(syntax)).repeat(1 << power);
                        make(&format!("{}; {steps}COMMIT", syntax.begin))
                    })
                    .collect(),
            }
        }))
    }

    /// For so many steps of one kind: a power of two. One where it is any number, given as lists.
    pub(crate) fn of(&self, kind: Kind, count: usize) -> Option<&Sql> {
        self.0[kind as usize].get(count.ilog2() as usize)
    }
}
