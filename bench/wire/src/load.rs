//! `wrk`, which sends the requests.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::visit::Visitor;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// One value is read.
    Read,
    /// A counter is read, changed and written.
    Count,
}

impl Request {
    /// All, in the order of the report.
    pub(crate) const ALL: [Self; 2] = [Self::Read, Self::Count];

    /// Its name in the report, and its path.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Count => "count",
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Read => "GET",
            Self::Count => "POST",
        }
    }
}

/// Sends this request of this visitor for so long and answers how many were answered a second.
///
/// # Errors
/// When `wrk` cannot be run, or one request was not answered with 200.
pub(crate) fn rate(
    address: SocketAddr,
    request: Request,
    visitor: &Visitor,
    slot: Duration,
    cpu: usize,
) -> Result<f64, Box<dyn Error>> {
    let script = Script::new(&format!(
        "wrk.method = \"{}\"\nwrk.headers[\"Cookie\"] = \"{}\"\n",
        request.method(),
        visitor.cookie().replace('\\', "\\\\").replace('"', "\\\"")
    ))?;
    let output = Command::new("taskset")
        .args(["--cpu-list", &cpu.to_string()])
        .args(["wrk", "--threads=1", "--connections=16"])
        .arg(format!("--duration={}s", slot.as_secs()))
        .arg("--script")
        .arg(&script.0)
        .arg(format!("http://{address}/{}", request.name()))
        .output()
        .map_err(|error| format!("wrk cannot be run, is it installed? {error}"))?;
    let told = String::from_utf8(output.stdout)?;
    if !output.status.success() || told.contains("Non-2xx") || told.contains("Socket errors") {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("not everything was answered: {told}{complaint}").into());
    }
    let rate = told
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(rate.ok_or("wrk tells no rate")?.trim().parse()?)
}

/// A script in a file for as long as it is needed.
struct Script(PathBuf);

impl Script {
    fn new(text: &str) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("bench-wire-{}.lua", std::process::id()));
        fs::write(&path, text)?;
        Ok(Self(path))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is no failure of the run.
        let _ = fs::remove_file(&self.0);
    }
}
