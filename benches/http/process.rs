//! The system's figures of another process.

use std::{fs, time::Duration};

/// Ticks a second in `/proc`: the kernel always reports in units of 1/100 s, whatever it uses itself
/// (USER_HZ).
const TICKS: u64 = 100;

/// The processor time it has used, in user mode and in the kernel.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain spaces; utime and stime are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// Its present memory, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    status(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// Its highest memory since [`forget_peak`].
pub(crate) fn peak_kib(pid: u32) -> u64 {
    status(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// Resets [`peak_kib`]; if that is not permitted, the peak counts from the start.
pub(crate) fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// How often its present threads have stopped running: to wait, and by preemption.
pub(crate) fn context_switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .map(|task| {
            let path = task.path().join("status").display().to_string();
            status(&path, "voluntary_ctxt_switches:") + status(&path, "nonvoluntary_ctxt_switches:")
        })
        .sum()
}

fn status(path: &str, name: &str) -> u64 {
    let status = fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}
