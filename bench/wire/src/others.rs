//! What else ran on this machine while something was measured.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// The milliseconds of a unit of time that the kernel counts in (`USER_HZ`).
const TICK: u64 = 10;

/// Watches what the processors do beside a server and the programs that are started meanwhile.
pub(crate) struct Watch {
    server: u32,
    began: Instant,
    machine: Duration,
    measured: Duration,
}

impl Watch {
    /// Begins now. `server` is the number of a process.
    ///
    /// # Errors
    /// When the kernel does not tell: it takes Linux.
    pub(crate) fn start(server: u32) -> io::Result<Self> {
        Ok(Self {
            server,
            began: Instant::now(),
            machine: machine()?,
            measured: measured(server)?,
        })
    }

    /// The processors that others had since the beginning, or the host took: 0.5 for half of one.
    /// Programs that were started meanwhile have to have ended.
    ///
    /// # Errors
    /// When the server has ended.
    pub(crate) fn others(&self) -> io::Result<f64> {
        let machine = machine()?.saturating_sub(self.machine);
        let measured = measured(self.server)?.saturating_sub(self.measured);
        let others = machine.saturating_sub(measured);
        Ok(others.as_secs_f64() / self.began.elapsed().as_secs_f64())
    }
}

/// What all programs have had of the processors, the kernel for what the network brought, which it
/// adds to the program that runs, and the host.
fn machine() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    // "cpu", user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
    sum(&stat, [1, 2, 3, 6, 7, 8])
}

/// What the server has had, this program, and those that it started and that have ended.
fn measured(server: u32) -> io::Result<Duration> {
    let own = fs::read_to_string("/proc/self/stat")?;
    let server = fs::read_to_string(format!("/proc/{server}/stat"))?;
    // Behind the name, which ends with the last bracket: utime, stime, and those of children.
    let behind = |stat: &str| stat.rsplit(')').next().unwrap_or_default().to_owned();
    Ok(sum(&behind(&own), [11, 12, 13, 14])? + sum(&behind(&server), [11, 12])?)
}

/// The sum of the numbers at these places.
fn sum<const N: usize>(words: &str, places: [usize; N]) -> io::Result<Duration> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let number = |place: usize| words.get(place)?.parse::<u64>().ok();
    let sum = places.into_iter().map(number).sum::<Option<u64>>();
    let ticks = sum.ok_or(io::ErrorKind::InvalidData)?;
    Ok(Duration::from_millis(ticks.saturating_mul(TICK)))
}
