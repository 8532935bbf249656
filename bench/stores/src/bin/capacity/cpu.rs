//! Processor time, as the kernel counts it.

use std::fs;
use std::time::Duration;

use testbed::Server;

use crate::Trouble;

/// The kernel tells times in hundredths of a second, on every machine that Linux runs on.
const TICK: Duration = Duration::from_millis(10);

/// The time of this process, all threads.
pub(crate) fn own() -> Result<Duration, Trouble> {
    of_process("self", Children::Apart)
}

/// The time of a server: of its process, of those that it started, and of those that have ended.
pub(crate) fn of_server(server: &Server) -> Result<Duration, Trouble> {
    let mut sum = Duration::ZERO;
    for (place, process) in server.processes()?.into_iter().enumerate() {
        let children = if place == 0 {
            Children::Included
        } else {
            Children::Apart
        };
        match of_process(&process.to_string(), children) {
            Ok(time) => sum += time,
            Err(error) if place == 0 => return Err(error),
            // One that ended meanwhile.
            Err(_) => {}
        }
    }
    Ok(sum)
}

/// Whether the children count that a process has waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Children {
    Included,
    Apart,
}

fn of_process(process: &str, children: Children) -> Result<Duration, Trouble> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name is in parentheses and may hold some.
    let (_, rest) = stat.rsplit_once(')').ok_or("a process without a name")?;
    let fields = rest.split_whitespace().skip(11);
    let count = if children == Children::Included { 4 } else { 2 };
    let mut ticks = 0;
    for field in fields.take(count) {
        ticks += field.parse::<u32>()?;
    }
    Ok(TICK * ticks)
}

/// Memory of a process that is in use, in bytes.
pub(crate) fn resident(process: &str) -> Result<u64, Trouble> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kibibytes.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
}
