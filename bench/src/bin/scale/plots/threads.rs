//! Requests a second with one thread and with two: a panel for each number of sessions and
//! each kind of visit.

use super::sessions;
use super::svg::{Anchor, Axis, Drawing, Scale, Stroke, colour};
use crate::site::Library;
use crate::threads::{SIZES, Scaling};

const PANEL: (f64, f64) = (280.0, 230.0);
const LEFT: f64 = 50.0;
const TOP: f64 = 84.0;

pub(super) fn draw(scalings: &[Scaling]) -> String {
    let width = LEFT + 3.0 * PANEL.0 + 30.0;
    let height = TOP + 2.0 * PANEL.1 + 20.0;
    let mut drawing = Drawing::new(
        width,
        height,
        "Requests a second with one thread and with two (millions; higher is better)",
        &describe(scalings),
    );
    let mut x = 20.0;
    for library in Library::ALL {
        drawing.rect(x, 42.0, 14.0, 4.0, colour(library));
        drawing.text(x + 20.0, 49.0, Anchor::Start, library.name());
        x += 130.0;
    }
    for (row, visit) in ["read", "count"].into_iter().enumerate() {
        for (column, size) in SIZES.into_iter().enumerate() {
            let corner = (LEFT + column as f64 * PANEL.0, TOP + row as f64 * PANEL.1);
            let shown: Vec<&Scaling> = scalings
                .iter()
                .filter(|it| it.visit == visit && it.sessions == size)
                .collect();
            panel(&mut drawing, corner, visit, size, &shown);
        }
    }
    drawing.finish()
}

fn panel(
    drawing: &mut Drawing,
    (left, top): (f64, f64),
    visit: &str,
    size: usize,
    shown: &[&Scaling],
) {
    let (right, bottom) = (left + PANEL.0 - 70.0, top + PANEL.1 - 60.0);
    let most = shown
        .iter()
        .map(|it| it.one.max(it.two))
        .fold(1e6, f64::max);
    let axis = Axis {
        numbers: (0.0, (most / 5e5).ceil() * 5e5),
        places: (bottom, top),
        scale: Scale::Linear,
    };
    let what = if visit == "count" {
        "read, change, write"
    } else {
        "read"
    };
    let title = format!("{what}, {}", sessions(size));
    drawing.text(left, top - 10.0, Anchor::Start, &title);
    let mut mark = 0.0;
    while mark <= axis.numbers.1 {
        let y = axis.place(mark);
        drawing.line((left, y), (right, y), "#dddddd");
        drawing.text(
            left - 6.0,
            y + 4.0,
            Anchor::End,
            &format!("{:.1}", mark / 1e6),
        );
        mark += 1e6;
    }
    let (one, two) = (left + 30.0, right - 20.0);
    for (x, name) in [(one, "1 thread"), (two, "2 threads")] {
        drawing.text(x, bottom + 18.0, Anchor::Middle, name);
    }
    // Names of lines that end close to each other are moved apart.
    let mut ends: Vec<(f64, &Scaling)> = shown.iter().map(|it| (axis.place(it.two), *it)).collect();
    ends.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut free = bottom + 10.0;
    for (y, scaling) in ends {
        let colour = colour(scaling.library);
        let from = axis.place(scaling.one);
        drawing.curve(&[(one, from), (two, y)], colour, Stroke::Solid);
        drawing.dot(one, from, colour);
        drawing.dot(two, y, colour);
        let label = (y + 4.0).min(free);
        free = label - 13.0;
        let ratio = format!("× {:.2}", scaling.ratio);
        drawing.coloured(two + 10.0, label, Anchor::Start, colour, &ratio);
    }
}

fn describe(scalings: &[Scaling]) -> String {
    let lines = scalings.iter().map(|it| {
        format!(
            "{}, {}, {}: {:.0} and {:.0}.",
            it.library.name(),
            it.visit,
            sessions(it.sessions),
            it.one,
            it.two
        )
    });
    lines.collect::<Vec<_>>().join(" ")
}
