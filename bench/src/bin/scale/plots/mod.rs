//! The report as pictures.

use std::fs;
use std::io;
use std::path::Path;

use crate::report::Report;

mod bars;
mod latency;
mod svg;
mod threads;

/// Writes a picture of every part that was measured into a folder.
pub(crate) fn write(report: &Report, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let save = |name: &str, picture: String| fs::write(folder.join(name), picture);
    if !report.threads.is_empty() {
        save("scale-threads.svg", threads::draw(&report.threads))?;
    }
    if !report.latencies.is_empty() {
        save("scale-latency.svg", latency::draw(&report.latencies))?;
    }
    if !report.growths.is_empty() {
        save("scale-growth.svg", bars::slowest(&report.growths))?;
        save("scale-bytes.svg", bars::bytes(&report.growths))?;
    }
    Ok(())
}

/// A number of sessions as it is written.
fn sessions(number: usize) -> &'static str {
    match number {
        1 => "one session",
        1_000 => "10³ sessions",
        _ => "10⁶ sessions",
    }
}
