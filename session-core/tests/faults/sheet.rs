//! The rows as tables of a page for operators.

use session_core::testkit::Fault;

use crate::matrix::{Matrix, Row, place_of};
use crate::scene::Trouble;

/// The two tables: a store that fails or is silent, and one whose answers are not so.
const TABLES: [(&str, &[Trouble]); 2] = [
    (
        "A store that fails, or is silent",
        &[
            Trouble::Fault(Fault::Unavailable),
            Trouble::Fault(Fault::HoldRequest),
            Trouble::Fault(Fault::LoseReply),
            Trouble::Fault(Fault::HoldReply),
            Trouble::SlowRequest,
            Trouble::SlowReply,
            Trouble::Fault(Fault::NewerFormat),
            Trouble::Fault(Fault::Unreadable),
            Trouble::Fault(Fault::Full),
        ],
    ),
    (
        "A store whose answers are not so",
        &[
            Trouble::Fault(Fault::Absent),
            Trouble::Fault(Fault::Expired),
            Trouble::Fault(Fault::Stale),
            Trouble::Fault(Fault::Foreign),
            Trouble::Fault(Fault::Damaged),
            Trouble::Fault(Fault::Taken),
            Trouble::Fault(Fault::Twice),
            Trouble::Fault(Fault::Forgotten),
        ],
    ),
];

/// The head of a column.
const fn head(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::SlowRequest => "done late, in time",
        Trouble::SlowReply => "answered late, in time",
        Trouble::Fault(fault) => match fault {
            Fault::Unavailable => "fails, not done",
            Fault::HoldRequest => "no answer, not done",
            Fault::LoseReply => "fails, done",
            Fault::HoldReply => "no answer, done",
            Fault::NewerFormat => "newer format",
            Fault::Unreadable => "unreadable",
            Fault::Full => "full",
            Fault::Absent => "“there is none”",
            Fault::Expired => "expired",
            Fault::Stale => "stale",
            Fault::Foreign => "another's record",
            Fault::Damaged => "removed, unreadable",
            Fault::Taken => "“the key is taken”",
            Fault::Twice => "done twice",
            Fault::Forgotten => "“done”, not done",
            _ => "?",
        },
    }
}

/// The tables under the defaults.
pub(crate) fn tables(matrix: &Matrix) -> String {
    let rows: Vec<_> = matrix.rows.iter().collect();
    let tables = TABLES.map(|(title, columns)| {
        let columns = merged(&rows, columns);
        format!("### {title}\n\n{}", table(&rows, &columns))
    });
    let unconcerned = matrix.unconcerned.join("; ");
    format!(
        "These ask the store nothing: {unconcerned}.\n\n{}",
        tables.join("\n")
    )
}

/// What is otherwise under another policy: the rows that differ, and of them the columns.
pub(crate) fn differences(usual: &Matrix, other: &Matrix) -> String {
    let tables: Vec<_> = TABLES
        .into_iter()
        .filter_map(|(_, columns)| difference(usual, other, columns))
        .collect();
    match tables.is_empty() {
        true => "As under the defaults.\n".into(),
        false => tables.join("\n"),
    }
}

fn difference(usual: &Matrix, other: &Matrix, columns: &[Trouble]) -> Option<String> {
    let differs = |row: &&Row, trouble: Trouble| {
        let place = place_of(trouble);
        let same = usual.rows.iter().find(|it| it.is_about(row));
        // What cannot happen here is not told.
        let cell = &row.cells[place];
        !cell.is_empty() && same.is_none_or(|same| same.cells[place] != *cell)
    };
    let rows: Vec<_> = other
        .rows
        .iter()
        .filter(|row| columns.iter().any(|it| differs(row, *it)))
        .collect();
    let mut columns = columns.to_vec();
    columns.retain(|it| rows.iter().any(|row| differs(row, *it)));
    let columns = merged(&rows, &columns);
    (!rows.is_empty()).then(|| table(&rows, &columns))
}

/// One table; requests whose rows are the same are one row, and so are calls of a request.
fn table(rows: &[&Row], columns: &[Column]) -> String {
    let mut lines: Vec<(Vec<&str>, String, Vec<String>)> = Vec::new();
    for row in rows {
        let mut cells = vec![row.usual.clone()];
        cells.extend(columns.iter().map(|column| column.cell(row)));
        if cells[1..].iter().all(|cell| cell == NEVER) {
            continue;
        }
        let call = row.call();
        let same = lines
            .iter_mut()
            .find(|(_, other, others)| *other == call && *others == cells);
        match same {
            Some((requests, ..)) => requests.push(row.request),
            None => lines.push((vec![row.request], call, cells)),
        }
    }
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for (requests, call, cells) in lines {
        let (requests, cells) = (requests.join("; "), cells.join(" | "));
        match rows.last_mut() {
            Some((other, calls, same)) if (&*other, &*same) == (&requests, &cells) => {
                *calls = format!("{calls}, {call}");
            }
            _ => rows.push((requests, call, cells)),
        }
    }
    let heads: Vec<_> = columns.iter().map(|it| it.heads.join("; ")).collect();
    let mut text = format!("| request | call | as usual | {} |\n", heads.join(" | "));
    text.push_str(&"|---".repeat(columns.len() + 3));
    text.push_str("|\n");
    for (requests, call, cells) in rows {
        text.push_str(&format!("| {requests} | {call} | {cells} |\n"));
    }
    text
}

/// Where a call cannot go wrong like this.
const NEVER: &str = "–";

struct Column {
    heads: Vec<&'static str>,
    places: Vec<usize>,
}

impl Column {
    fn cell(&self, row: &Row) -> String {
        let mut cells = self.places.iter().map(|place| &row.cells[*place]);
        let cell = cells.find(|cell| !cell.is_empty());
        cell.cloned().unwrap_or_else(|| NEVER.into())
    }

    /// True when no row says one thing here and another there.
    fn agrees(&self, other: &Self, rows: &[&Row]) -> bool {
        rows.iter().all(|row| {
            let (one, another) = (self.cell(row), other.cell(row));
            one == another || one == NEVER || another == NEVER
        })
    }
}

/// Columns that say the same in every row are one.
fn merged(rows: &[&Row], columns: &[Trouble]) -> Vec<Column> {
    let mut merged: Vec<Column> = Vec::new();
    for trouble in columns {
        let column = Column {
            heads: vec![head(*trouble)],
            places: vec![place_of(*trouble)],
        };
        if rows.iter().all(|row| column.cell(row) == NEVER) {
            continue;
        }
        match merged.iter_mut().find(|it| it.agrees(&column, rows)) {
            Some(same) => {
                same.heads.extend(column.heads);
                same.places.extend(column.places);
            }
            None => merged.push(column),
        }
    }
    merged
}
