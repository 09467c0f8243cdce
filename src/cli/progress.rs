//! The progress of work: a bar on standard error, if that is a terminal, and a line for each wait.

use std::{
    cell::RefCell,
    fmt,
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::terminal_text;
use crate::{
    client::{ClientError, Watch},
    size::size_text,
};

/// A bar that appears with the first bytes.
pub(crate) struct CommandProgress {
    what: &'static str,
    bar: RefCell<Option<ProgressBar>>,
}

impl CommandProgress {
    /// `what` names the work, such as "Sending".
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, bar: RefCell::new(None) }
    }

    /// Removes the bar.
    pub(crate) fn end(&self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Watch for CommandProgress {
    fn waits(&self, error: &ClientError, wait: Duration) {
        let why = terminal_text::line(&error.to_string());
        // Progress is lost if standard error is closed.
        let tell = || {
            let _ =
                writeln!(stderr(), "sealdrop: {why}; next attempt in {} s", wait.as_secs().max(1));
        };
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }

    fn moved(&self, done: u64, total: u64) {
        let mut bar = self.bar.borrow_mut();
        let bar = bar.get_or_insert_with(|| {
            let target = match stderr().is_terminal() {
                true => ProgressDrawTarget::stderr(),
                false => ProgressDrawTarget::hidden(),
            };
            let style = ProgressStyle::with_template(
                "{prefix} [{bar:30}] {done} of {total}, {speed}/s, {eta} left",
            );
            // Sizes in the same form as everywhere.
            let style = style.map(|style| {
                style
                    .with_key("done", |state: &ProgressState, out: &mut dyn fmt::Write| {
                        let _ = out.write_str(&size_text(state.pos()));
                    })
                    .with_key("total", |state: &ProgressState, out: &mut dyn fmt::Write| {
                        let _ = out.write_str(&size_text(state.len().unwrap_or_default()));
                    })
                    .with_key("speed", |state: &ProgressState, out: &mut dyn fmt::Write| {
                        // Never negative, and far below 2^64.
                        #[expect(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            reason = "a speed"
                        )]
                        let speed = state.per_sec() as u64;
                        let _ = out.write_str(&size_text(speed));
                    })
            });
            ProgressBar::with_draw_target(Some(total), target)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(self.what)
        });
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for CommandProgress {
    fn drop(&mut self) {
        self.end();
    }
}
