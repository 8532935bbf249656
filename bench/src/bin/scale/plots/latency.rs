//! How long requests take: for each part of them, the time that it takes at least.

use super::sessions;
use super::svg::{Anchor, Axis, Drawing, Scale, Stroke, colour};
use crate::latency::{Latency, SIZES};
use crate::site::Library;

const PANEL: (f64, f64) = (440.0, 330.0);
const LEFT: f64 = 60.0;
const TOP: f64 = 100.0;

pub(super) fn draw(latencies: &[Latency]) -> String {
    let mut drawing = Drawing::new(
        LEFT + 2.0 * PANEL.0 + 10.0,
        TOP + PANEL.1,
        "How long requests take, while 1 % of our sessions expires each second (µs; lower is better)",
        &describe(latencies),
    );
    let mut x = 20.0;
    for library in Library::STORING {
        drawing.rect(x, 42.0, 14.0, 4.0, colour(library));
        drawing.text(x + 20.0, 49.0, Anchor::Start, library.name());
        x += 130.0;
    }
    for (size, stroke) in SIZES.into_iter().zip([Stroke::Dashed, Stroke::Solid]) {
        drawing.curve(&[(x, 44.0), (x + 30.0, 44.0)], "#333333", stroke);
        drawing.text(x + 36.0, 49.0, Anchor::Start, sessions(size));
        x += 150.0;
    }
    for (column, call) in ["read", "count"].into_iter().enumerate() {
        let shown: Vec<&Latency> = latencies.iter().filter(|it| it.call == call).collect();
        let left = LEFT + column as f64 * PANEL.0;
        panel(&mut drawing, left, call, &shown);
    }
    drawing.finish()
}

fn panel(drawing: &mut Drawing, left: f64, call: &str, shown: &[&Latency]) {
    let (right, bottom) = (left + PANEL.0 - 70.0, TOP + PANEL.1 - 60.0);
    let across = Axis {
        numbers: (1.0, 1e-5),
        places: (left, right),
        scale: Scale::Logarithmic,
    };
    let up = Axis {
        numbers: (1.0, 50.0),
        places: (bottom, TOP),
        scale: Scale::Logarithmic,
    };
    let what = if call == "count" {
        "read, change, write"
    } else {
        "read"
    };
    drawing.text(left, TOP - 14.0, Anchor::Start, what);
    for mark in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0] {
        let y = up.place(mark);
        drawing.line((left, y), (right, y), "#dddddd");
        drawing.text(left - 6.0, y + 4.0, Anchor::End, &format!("{mark}"));
    }
    for (part, name) in [
        (1.0, "all"),
        (0.1, "10 %"),
        (0.01, "1 %"),
        (1e-3, "0.1 %"),
        (1e-4, "0.01 %"),
        (1e-5, "10⁻⁵"),
    ] {
        let x = across.place(part);
        drawing.line((x, TOP), (x, bottom), "#dddddd");
        drawing.text(x, bottom + 18.0, Anchor::Middle, name);
    }
    let middle = f64::midpoint(left, right);
    drawing.text(
        middle,
        bottom + 38.0,
        Anchor::Middle,
        "this part of requests takes longer",
    );
    for latency in shown {
        let Some(library) = Library::STORING
            .into_iter()
            .find(|it| it.name() == latency.of)
        else {
            continue;
        };
        let stroke = if latency.sessions == SIZES[0] {
            Stroke::Dashed
        } else {
            Stroke::Solid
        };
        let tail = latency.quantiles.tail.iter();
        let points: Vec<(f64, f64)> = tail
            .filter(|(part, time)| *part >= 1e-5 && *time > 0)
            .map(|(part, time)| (across.place(*part), up.place(*time as f64 / 1e3)))
            .collect();
        drawing.curve(&points, colour(library), stroke);
    }
}

fn describe(latencies: &[Latency]) -> String {
    let lines = latencies.iter().map(|it| {
        let [p50, p999] = [it.quantiles.p50, it.quantiles.p999].map(|ns| ns as f64 / 1e3);
        let size = sessions(it.sessions);
        format!(
            "{}, {}, {size}: half within {p50:.2} µs, 99.9 % within {p999:.2} µs.",
            it.of, it.call
        )
    });
    lines.collect::<Vec<_>>().join(" ")
}
