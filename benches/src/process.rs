//! Reads a process's CPU time and memory from Linux.

use std::fs;
use std::io;

/// Returns the CPU time of all threads of a process, in nanoseconds; 0 if it is gone.
pub(crate) fn cpu_ns(process_id: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{process_id}/task")) else {
        return 0;
    };
    let time = |thread: io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    threads.filter_map(time).sum()
}

/// Returns the resident memory of a process, in kilobytes; 0 if it is gone.
pub(crate) fn rss_kb(process_id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process_id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

/// Describes the machine: its processor, CPUs, architecture and kernel.
pub(crate) fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model
        .unwrap_or_default()
        .trim_start_matches(['\t', ' ', ':']);
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let architecture = std::env::consts::ARCH;
    format!(
        "{model}, {cores} CPUs, {architecture}, Linux {}",
        kernel.trim()
    )
}
