//! `sealdrop backup list`

use std::path::Path;

use super::{
    named::{BackupFile, age_text, in_directory},
    opened::now,
};
use crate::{
    cli::{Context, Failure, columns, flags::command, operator::administration::write_json},
    size::size_text,
};

command! {
    /// List backups with their ages and sizes, newest first. It needs no key: it shows what is readable for
    /// everybody, which nothing protects from changes.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "DIR|FILE… [--json]",
        example = "{command_name} /var/backups/sealdrop"
    )]
    pub(crate) struct BackupListCommand: json_array {
        /// a directory with backups named by backup create, or a backup
        #[argh(positional, arg_name = "DIR|FILE")]
        files: Vec<String>,
    }
}

impl BackupListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.files.is_empty() {
            return Err(Failure::usage("give a directory with backups, or a backup"));
        }
        let mut found = Vec::new();
        for path in self.files.iter().map(Path::new) {
            if path.is_dir() {
                for named in in_directory(path)? {
                    found.push(BackupFile::read(&named.path)?);
                }
            } else {
                found.push(BackupFile::read(path)?);
            }
        }
        found.sort_by_key(|file| std::cmp::Reverse(file.created_at));
        if self.json {
            return Ok(write_json(context.out, &found)?);
        }
        let now = now();
        let unknown = || "-".to_owned();
        let rows: Vec<[String; 7]> = found
            .into_iter()
            .map(|file| {
                [
                    file.created_at.to_string(),
                    age_text(file.created_at, now),
                    size_text(file.bytes),
                    file.records.map_or_else(unknown, |records| records.to_string()),
                    file.sealdrop.unwrap_or_else(unknown),
                    file.since.map_or_else(unknown, |since| since.to_string()),
                    file.file,
                ]
            })
            .collect();
        let header = ["CREATED", "AGE", "SIZE", "RECORDS", "SEALDROP", "SINCE", "FILE"];
        Ok(columns::write(context.out, header, &rows)?)
    }
}
