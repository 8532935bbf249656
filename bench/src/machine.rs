//! The two things that the measurement asks of the operating system.

use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Pins this thread, and the threads that it will start, to one of the CPUs it may use (the
/// first of them, so that `taskset` decides). Returns false where the system refuses.
pub(crate) fn pin_to_one_cpu() -> bool {
    let Ok(allowed) = sched_getaffinity(None) else {
        return false;
    };
    let Some(cpu) = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)) else {
        return false;
    };
    let mut one = CpuSet::new();
    one.set(cpu);
    sched_setaffinity(None, &one).is_ok()
}

/// The CPU time that all threads of this process have had so far.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The clock starts at zero and its nanoseconds stay below a second, so neither cast can
    // meet a negative number or cut one.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
