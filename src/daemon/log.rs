//! The log on standard error.
//!
//! For systemd, lines have their priority as `<N>` before them, which it takes from standard error of every
//! unit. Unlike a connection to the socket of journald, this needs no other crate, and loses nothing in a
//! container or on a terminal.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::config::LogFormat;

/// Logs to standard error; standard output is for scripts.
pub(super) fn start(level: Level, format: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(format == LogFormat::Human && io::stderr().is_terminal())
        .with_target(false);
    // Libraries log frames and headers of requests, and fill a log that shall show what the daemon does.
    let own = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_default(Level::WARN.min(level));
    // Each fails in a test that starts several daemons in one process.
    let _ = match format {
        LogFormat::Human => log.finish().with(own).try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().with(own).try_init(),
        LogFormat::Journald => {
            let line = Format::default().with_target(false).with_level(false).without_time();
            log.event_format(PriorityLine(line)).finish().with(own).try_init()
        }
    };
}

/// A line with the priority of `sd-daemon(3)` before it.
struct PriorityLine(Format<Full, ()>);

impl<S, N> FormatEvent<S, N> for PriorityLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}
