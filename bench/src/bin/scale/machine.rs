//! What is asked of the operating system: times of the processor, memory in use, what else runs.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The kernel tells times in hundredths of a second, on every machine that Linux runs on.
const TICK: Duration = Duration::from_millis(10);

/// Keeps this thread on one of the processors that it may use: threads with different numbers on
/// different ones, as far as there are. Schedulers leave two busy threads on one processor for
/// a while when somebody else has the other. Without it, or where the system refuses, a run
/// goes on: it is then less sure.
pub(crate) fn keep_to_processor(number: usize) {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let processors = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let processors: Vec<usize> = processors.collect();
    if let Some(processor) = processors.get(number % processors.len().max(1)) {
        let mut one = CpuSet::new();
        one.set(*processor);
        let _ = sched_setaffinity(None, &one);
    }
}

fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    // Clocks of processor time start at zero and their nanoseconds stay below a second, so
    // neither cast can meet a negative number or cut one.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The processor time that this thread has had so far.
pub(crate) fn thread_time() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

/// The processor time that all threads of this process have had so far.
fn process_time() -> Duration {
    clock(ClockId::ProcessCPUTime)
}

/// The processor time of the whole machine that was not idle, what the host took included.
fn machine_time() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let times: Vec<u32> = line
        .split_whitespace()
        .skip(1)
        .map_while(|time| time.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
    let busy = [0, 1, 2, 5, 6, 7].map(|place| times.get(place).copied().unwrap_or_default());
    Ok(TICK * busy.iter().sum())
}

/// Watches what others use of the processors meanwhile.
pub(crate) struct Watch {
    began: Instant,
    machine: Duration,
    own: Duration,
}

impl Watch {
    /// Begins now.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            began: Instant::now(),
            machine: machine_time()?,
            own: process_time(),
        })
    }

    /// The processors that others had since the beginning, or the host took: 0.5 for half of
    /// one.
    pub(crate) fn others(&self) -> io::Result<f64> {
        let machine = machine_time()?.saturating_sub(self.machine);
        let own = process_time().saturating_sub(self.own);
        let others = machine.saturating_sub(own);
        Ok(others.as_secs_f64() / self.began.elapsed().as_secs_f64())
    }
}

/// Memory of this process that is in use, in bytes.
pub(crate) fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kibibytes = number_after(&status, "VmRSS:");
    Ok(kibibytes.ok_or(io::ErrorKind::InvalidData)? * 1024)
}

/// How often this thread lost its processor without asking.
pub(crate) fn preemptions() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/thread-self/status")?;
    let count = number_after(&status, "nonvoluntary_ctxt_switches:");
    Ok(count.ok_or(io::ErrorKind::InvalidData)?)
}

fn number_after(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// What this machine is, in a few words.
pub(crate) fn description() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(':').nth(1));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{threads} processors ({}), Linux {}",
        model.unwrap_or("unknown").trim(),
        kernel.trim()
    )
}
