//! The memory that this process may use.

use std::{fs, path::Path};

/// The least limit of memory of the control groups of this process (cgroup v2); `None` without one. Blocks.
pub(crate) fn group_limit() -> Option<u64> {
    least("memory.max")
}

/// The same for swap space: 0 keeps the process out of it. Blocks.
pub(crate) fn swap_limit() -> Option<u64> {
    least("memory.swap.max")
}

fn least(file: &str) -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let folder = root.join(group);
    // A limit of a group also holds for those in it.
    let folders = folder.ancestors().take_while(|folder| folder.starts_with(root));
    folders
        .filter_map(|folder| fs::read_to_string(folder.join(file)).ok())
        .filter_map(|text| limit(&text))
        .min()
}

/// The content of `memory.max`: a number of bytes, or `max`.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The memory of the machine. Blocks.
pub(crate) fn total() -> Option<u64> {
    total_in(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// The swap spaces on disks; those in compressed memory are left out. Blocks.
pub(crate) fn disk_swaps() -> Vec<String> {
    disk_swaps_in(&fs::read_to_string("/proc/swaps").unwrap_or_default())
}

/// A line for each below the titles: the name comes first (proc_swaps(5)).
fn disk_swaps_in(text: &str) -> Vec<String> {
    let names = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !name.starts_with("/dev/zram")).map(str::to_owned).collect()
}

/// `MemTotal:  16384 kB` (proc_meminfo(5)).
fn total_in(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_system_are_read() {
        assert_eq!(total_in("MemTotal:         948280 kB\nMemFree: 1 kB\n"), Some(948_280 << 10));
        assert_eq!(total_in("MemFree: 1 kB\n"), None);
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("268435456\n"), Some(256 << 20));
        let swaps =
            "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 9\n/swap file 1 0 -2\n";
        assert_eq!(disk_swaps_in(swaps), ["/swap"]);
        assert!(total().is_some_and(|bytes| bytes > 1 << 20));
    }
}
