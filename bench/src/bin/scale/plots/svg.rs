//! A page of SVG: a title, panels with axes, and what lies in them.

use std::fmt::Write as _;

use crate::site::Library;

/// Colours that can be told apart on white, with and without seeing all of them.
const BARE: &str = "#767676";
const OURS: &str = "#0b6bcb";
const TOWER_SESSIONS: &str = "#c2410c";
const AXUM_SESSION: &str = "#6b3fa0";

/// The colour of a library.
pub(super) const fn colour(library: Library) -> &'static str {
    match library {
        Library::Bare => BARE,
        Library::Ours => OURS,
        Library::TowerSessions => TOWER_SESSIONS,
        Library::AxumSession => AXUM_SESSION,
    }
}

/// Where a text begins.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A drawing that is being made. It has a background of its own, so that it can be read on a
/// page of any colour.
pub(super) struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

impl Drawing {
    /// An empty one with a title. `description` says in words what is to be seen.
    pub(super) fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        let mut drawing = Self {
            width,
            height,
            body: format!(
                "<title>{}</title>\n<desc>{}</desc>\n",
                escape(title),
                escape(description)
            ),
        };
        drawing.rect(0.0, 0.0, width, height, "#ffffff");
        drawing.write(20.0, 28.0, Anchor::Start, 17.0, "#1a1a1a", title);
        drawing
    }

    /// The whole document.
    pub(super) fn finish(self) -> String {
        let Self {
            width,
            height,
            body,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" font-family=\"system-ui, sans-serif\">\n{body}</svg>\n"
        )
    }

    /// A small text.
    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        self.write(x, y, anchor, 12.0, "#333333", text);
    }

    /// A small text in a colour.
    pub(super) fn coloured(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, text: &str) {
        self.write(x, y, anchor, 12.0, colour, text);
    }

    fn write(&mut self, x: f64, y: f64, anchor: Anchor, size: f64, colour: &str, text: &str) {
        let (anchor, text) = (anchor.name(), escape(text));
        // Writing to a string cannot fail; the same holds below.
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" \
             text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        let _ = writeln!(
            self.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        );
    }

    /// A thin line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
        );
    }

    /// A line through these points.
    pub(super) fn curve(&mut self, points: &[(f64, f64)], colour: &str, stroke: Stroke) {
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let dashes = match stroke {
            Stroke::Solid => "",
            Stroke::Dashed => " stroke-dasharray=\"5 4\"",
        };
        let _ = writeln!(
            self.body,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>",
            points.join(" ")
        );
    }

    /// A point.
    pub(super) fn dot(&mut self, x: f64, y: f64, colour: &str) {
        let _ = writeln!(
            self.body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
        );
    }
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub(super) enum Stroke {
    Solid,
    Dashed,
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An axis: which number lies where.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    /// The numbers at both ends.
    pub(super) numbers: (f64, f64),
    /// Where these are drawn.
    pub(super) places: (f64, f64),
    /// Whether each step is as long as the last, or ten times as much.
    pub(super) scale: Scale,
}

/// How numbers lie on an axis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
}

impl Axis {
    /// Where a number is drawn.
    pub(super) fn place(&self, number: f64) -> f64 {
        let by = |number: f64| match self.scale {
            Scale::Linear => number,
            Scale::Logarithmic => number.max(f64::MIN_POSITIVE).log10(),
        };
        let (low, high) = (by(self.numbers.0), by(self.numbers.1));
        let part = ((by(number) - low) / (high - low)).clamp(0.0, 1.0);
        self.places.0 + part * (self.places.1 - self.places.0)
    }

    /// The powers of ten on the axis.
    pub(super) fn decades(&self) -> Vec<f64> {
        let powers = (-9..12).map(|power| 10_f64.powi(power));
        powers
            .filter(|number| (self.numbers.0..=self.numbers.1 * 1.000_1).contains(number))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_between_the_ends_of_an_axis() {
        let linear = Axis {
            numbers: (0.0, 10.0),
            places: (100.0, 0.0),
            scale: Scale::Linear,
        };
        assert_eq!(linear.place(5.0), 50.0);
        assert_eq!(linear.place(20.0), 0.0);
        let logarithmic = Axis {
            numbers: (1.0, 100.0),
            places: (0.0, 100.0),
            scale: Scale::Logarithmic,
        };
        assert_eq!(logarithmic.place(10.0), 50.0);
        assert_eq!(logarithmic.decades(), [1.0, 10.0, 100.0]);
    }

    #[test]
    fn a_text_is_no_markup() {
        let drawing = Drawing::new(10.0, 10.0, "a < b & c", "");
        assert!(drawing.finish().contains("a &lt; b &amp; c"));
    }
}
