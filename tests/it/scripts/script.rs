//! A parsed script: its lines, its files, the tools it needs.

use std::path::Path;

use crate::tools::{self, Tool};

/// The content of one file.
#[derive(Debug)]
pub(super) struct Script {
    /// The name in messages.
    pub(super) name: String,
    pub(super) lines: Vec<Line>,
    /// Names and contents.
    pub(super) files: Vec<(String, String)>,
    pub(super) tools: Vec<Tool>,
    /// The names of the tools that it needs.
    needs: Vec<String>,
}

/// A line with a command or an expectation; it has one word or more.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
    pub(super) words: Vec<String>,
}

impl Script {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Self::parse(name, &text)
    }

    /// Parses the content of the file `name`; an error has the line.
    pub(super) fn parse(name: String, text: &str) -> Result<Self, String> {
        let mut script = Self {
            name,
            lines: Vec::new(),
            files: Vec::new(),
            tools: Vec::new(),
            needs: Vec::new(),
        };
        // A line with an open quote, or a backslash at its end, and where it began.
        let mut open: Option<(usize, String)> = None;
        for (index, text) in text.split_inclusive('\n').enumerate() {
            let line = text.trim();
            let file = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
            if let Some(file) = file {
                script.files.push((file.trim().to_owned(), String::new()));
            } else if let Some((_, content)) = script.files.last_mut() {
                content.push_str(text);
            } else {
                let (number, mut line) = open.take().unwrap_or((index + 1, String::new()));
                if let Some(text) = text.strip_suffix("\\\n") {
                    line.push_str(text);
                    open = Some((number, line));
                    continue;
                }
                line.push_str(text);
                match shlex::split(&line) {
                    Some(words) => {
                        script.add(Line { number, text: line.trim().to_owned(), words })?;
                    }
                    None => open = Some((number, line)),
                }
            }
        }
        if let Some((number, line)) = open {
            return Err(format!("{}:{number}: {line}a quote is not closed", script.name));
        }
        if !script.lines.iter().any(Line::expects) {
            return Err(format!("{}: it expects nothing", script.name));
        }
        Ok(script)
    }

    /// Whether it needs this program.
    pub(super) fn needs(&self, program: &str) -> bool {
        self.needs.iter().any(|name| name == program)
    }

    fn add(&mut self, line: Line) -> Result<(), String> {
        match line.words.split_first() {
            None => {}
            Some((first, names)) if first == "needs" => {
                for name in names {
                    let unknown = format!("{}:{}: no tool {name}", self.name, line.number);
                    self.tools.push(tool(name).ok_or(unknown)?);
                    self.needs.push(name.clone());
                }
            }
            Some(_) => self.lines.push(line),
        }
        Ok(())
    }
}

impl Line {
    /// Whether its last word is a regular expression.
    pub(super) fn ends_in_pattern(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        matches!(words[..], ["stdout" | "stderr" | "file", .., "matches" | "lacks" | "match", _])
    }

    /// Whether it can fail because of the result of a command.
    fn expects(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words[..] {
            ["stdout" | "stderr", verb, ..] => verb != "capture",
            [first, ..] => matches!(first, "exit" | "file"),
            [] => false,
        }
    }
}

fn tool(name: &str) -> Option<Tool> {
    Some(match name {
        "curl" => tools::CURL,
        "node" => tools::NODE,
        "openssl" => tools::OPENSSL,
        "python3" => tools::PYTHON,
        "npm:sjcl" => Tool::NodeSjcl,
        "python:cryptography" => Tool::PythonCryptography,
        _ => return None,
    })
}
