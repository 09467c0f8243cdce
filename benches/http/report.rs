//! The output: tables in Markdown, and the comparison of figures with expectations.

use std::{
    io::{self, Write},
    time::Duration,
};

/// Collects expectations while rows are printed.
#[derive(Default)]
pub(crate) struct Report {
    expectations: Vec<String>,
    /// The widths of the current table.
    widths: Vec<usize>,
}

impl Report {
    /// Starts a table. A column is as wide as its title, which the caller pads.
    pub(crate) fn table(&mut self, titles: &[&str]) {
        self.line("");
        self.widths = titles.iter().map(|title| title.len()).collect();
        self.row(&titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>());
        let rule = |(index, width): (usize, &usize)| {
            // Figures are aligned to the right.
            if index == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) }
        };
        let rules: Vec<String> = self.widths.iter().enumerate().map(rule).collect();
        self.row(&rules);
    }

    /// A row of the table.
    pub(crate) fn row(&mut self, cells: &[String]) {
        let mut line = String::from("|");
        for (index, (cell, width)) in cells.iter().zip(&self.widths).enumerate() {
            let cell = if index == 0 {
                format!(" {cell:<width$} |")
            } else {
                format!(" {cell:>width$} |")
            };
            line.push_str(&cell);
        }
        self.line(&line);
    }

    #[expect(clippy::print_stdout, reason = "a bench prints its results")]
    pub(crate) fn line(&mut self, line: &str) {
        println!("{line}");
        // Rows take seconds each, and a reader of a pipe should see each at once. The reader may also have
        // ended.
        let _ = io::stdout().flush();
    }

    /// Records whether a figure is as expected.
    pub(crate) fn expect(&mut self, what: &str, found: String, expected: &str, met: bool) {
        let verdict = if met { "pass" } else { "miss" };
        self.expectations.push(format!("- {verdict}: {what}: {found} (expected: {expected})"));
    }

    pub(crate) fn print_expectations(&mut self) -> io::Result<()> {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        self.line("");
        self.line(&format!("load average at the end, this program included: {}", load.trim()));
        if !self.expectations.is_empty() {
            self.line("\nExpectations:\n");
            for line in std::mem::take(&mut self.expectations) {
                self.line(&line);
            }
        }
        Ok(())
    }
}

/// `12,345`.
pub(crate) fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.23 ms`.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// `12.3 MiB`.
pub(crate) fn mebibytes(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
