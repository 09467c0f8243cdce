//! The limit of the disk: the time of writing one page with `fdatasync`.

use std::{fs::File, os::unix::fs::FileExt, path::Path, time::Instant};

use crate::{
    Plan,
    load::Latencies,
    report::{Report, milliseconds},
};

const PAGE_BYTES: usize = 4096;
/// The file has this many pages, which are written in turns and exist before the measurement.
const PAGES: u64 = 1024;
const MOST_SYNCS: u64 = 2000;

pub(crate) fn measure(plan: &Plan, report: &mut Report) {
    if plan.wants("disk") {
        let mut latencies = fdatasync(plan.directory().path(), plan);
        report.line(&format!(
            "disk: 4 KiB and fdatasync, alone: p50 {}, p99 {} ({} times)",
            milliseconds(latencies.p50()),
            milliseconds(latencies.p99()),
            latencies.len(),
        ));
    }
}

/// Syncs of one page each in `dir`, for a sixth of the time of a row.
pub(crate) fn fdatasync(dir: &Path, plan: &Plan) -> Latencies {
    let file = File::create(dir.join("fdatasync")).expect("a file");
    let mut page = [0; PAGE_BYTES];
    for number in 0..PAGES {
        file.write_all_at(&page, number * PAGE_BYTES as u64).expect("room on the disk");
    }
    file.sync_all().expect("a sync");
    let mut latencies = Latencies::default();
    let start = Instant::now();
    for round in 0..MOST_SYNCS {
        if start.elapsed() > plan.seconds / 6 {
            break;
        }
        page[..8].copy_from_slice(&round.to_le_bytes());
        let began = Instant::now();
        file.write_all_at(&page, (round % PAGES) * PAGE_BYTES as u64).expect("a write");
        file.sync_data().expect("a sync");
        latencies.add(began.elapsed());
    }
    latencies
}
