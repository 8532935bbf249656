//! One number for each library, as a bar.

use super::svg::{Anchor, Axis, Drawing, Scale, colour};
use crate::growth::Growth;
use crate::site::Library;

const LEFT: f64 = 140.0;
const WIDTH: f64 = 760.0;
const TOP: f64 = 50.0;
const BAR: f64 = 44.0;

/// The slowest new session of a site that grows to a million.
pub(super) fn slowest(growths: &[Growth]) -> String {
    let bars: Vec<(Library, f64, String)> = of_libraries(growths)
        .map(|(library, growth)| {
            let milliseconds = growth.slowest as f64 / 1e6;
            (library, milliseconds, format!("{milliseconds:.2} ms"))
        })
        .collect();
    let axis = Axis {
        numbers: (0.01, 1_000.0),
        places: (LEFT, WIDTH - 110.0),
        scale: Scale::Logarithmic,
    };
    let title = "The slowest new session while a site grows to 10⁶ (ms; lower is better)";
    draw(title, &bars, axis, &axis.decades())
}

/// What a session takes.
pub(super) fn bytes(growths: &[Growth]) -> String {
    let bars: Vec<(Library, f64, String)> = of_libraries(growths)
        .map(|(library, growth)| (library, growth.bytes, format!("{:.0} bytes", growth.bytes)))
        .collect();
    let most = bars.iter().map(|(_, bytes, _)| *bytes).fold(0.0, f64::max);
    let axis = Axis {
        numbers: (0.0, (most / 200.0).ceil() * 200.0),
        places: (LEFT, WIDTH - 110.0),
        scale: Scale::Linear,
    };
    let marks: Vec<f64> = (0..=(axis.numbers.1 / 200.0) as u32)
        .map(|step| f64::from(step) * 200.0)
        .collect();
    let title = "Memory of a session with a value of 100 bytes, of 10⁶ (bytes; lower is better)";
    draw(title, &bars, axis, &marks)
}

fn of_libraries(growths: &[Growth]) -> impl Iterator<Item = (Library, &Growth)> {
    Library::STORING.into_iter().filter_map(|library| {
        let growth = growths.iter().find(|growth| growth.of == library.name());
        growth.map(|growth| (library, growth))
    })
}

fn draw(title: &str, bars: &[(Library, f64, String)], axis: Axis, marks: &[f64]) -> String {
    let bottom = TOP + BAR * bars.len() as f64;
    let described: Vec<String> = bars
        .iter()
        .map(|(library, _, text)| format!("{}: {text}.", library.name()))
        .collect();
    let mut drawing = Drawing::new(WIDTH, bottom + 36.0, title, &described.join(" "));
    for mark in marks {
        let x = axis.place(*mark);
        drawing.line((x, TOP), (x, bottom), "#dddddd");
        drawing.text(x, bottom + 20.0, Anchor::Middle, &format!("{mark}"));
    }
    for (place, (library, number, text)) in bars.iter().enumerate() {
        let y = TOP + BAR * place as f64 + 8.0;
        let end = axis.place(*number).max(LEFT + 1.0);
        drawing.text(LEFT - 10.0, y + 19.0, Anchor::End, library.name());
        drawing.rect(LEFT, y, end - LEFT, BAR - 16.0, colour(*library));
        drawing.text(end + 8.0, y + 19.0, Anchor::Start, text);
    }
    drawing.finish()
}
