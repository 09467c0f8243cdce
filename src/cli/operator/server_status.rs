//! `sealdrop status` without a secret: the state of the daemon.

use std::time::Duration;

use super::administration::{DirectoryFlags, reply, write_json};
use crate::{
    admin::Command,
    cli::{Context, Failure, terminal_text},
    domain::server_status::ServerStatus,
    size::size_text,
};

/// Asks the daemon on the data directory that `flags` name, and shows its state.
pub(crate) fn run(
    flags: DirectoryFlags,
    json: bool,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let status = reply!(Status, flags, Command::ShowStatus, context);
    if json {
        return Ok(write_json(context.out, &status)?);
    }
    write(&status, context)
}

fn write(status: &ServerStatus, context: &mut Context<'_>) -> Result<(), Failure> {
    let out = &mut *context.out;
    let mut row = |name: &str, value: &str| {
        writeln!(out, "{:<12} {}", terminal_text::line(name), terminal_text::line(value))
    };
    let ServerStatus { secrets, disk, queues, .. } = status;
    // Days, hours and minutes are enough.
    let uptime = Duration::from_secs(status.uptime_seconds / 60 * 60);
    row("version", &status.version)?;
    let uptime = humantime::format_duration(uptime);
    row("running", &format!("{uptime}, since {}", status.started_at))?;
    row("secrets", &format!("{} live", secrets.live))?;
    row(
        "today",
        &format!(
            "{} created, {} views, {} burned, {} late attempts, {} refused by limits",
            secrets.created_today,
            secrets.views_today,
            secrets.burned_today,
            secrets.late_tries_today,
            secrets.refusals_today
        ),
    )?;
    row("boxes", &format!("{}, with {} messages and files", status.boxes, status.messages))?;
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), size_text);
    let (free, all) = (size(disk.free_bytes), size(disk.size_bytes));
    row("disk", &format!("{free} free of {all}; the data has {}", size(disk.used_bytes)))?;
    row(
        "queues",
        &format!(
            "{} changes, {} slow jobs, {} mails, {} calls of webhooks, {} given up",
            queues.changes, queues.slow_work, queues.mails, queues.webhook_calls, queues.given_up
        ),
    )?;
    row("connections", &status.connections.to_string())?;
    let end = status.certificate_ends_at.as_deref();
    row("certificate", &end.map_or_else(|| "none".to_owned(), |end| format!("until {end}")))?;
    row(
        "ring",
        &match status.ring_turned_at.as_deref() {
            Some(at) => {
                format!("turned {at}; older copies of store/ open nothing that was burned before")
            }
            None => "not turned yet".to_owned(),
        },
    )?;
    if let Some(at) = status.key_table_at.as_deref() {
        row("key table", &format!("of {at}"))?;
    }
    for warning in &status.warnings {
        row("warning", &warning.text)?;
    }
    Ok(())
}
