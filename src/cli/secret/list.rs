//! `sealdrop list`

use super::status::state;
use crate::{
    cli::{
        Context, Failure, columns,
        flags::{command, server_connection},
        operator::administration::write_json,
        progress::CommandProgress,
        terminal_text,
    },
    client::listed::{self, ListedSecret, PAGE},
};

command! {
    /// List the secrets of an account, newest first, including used-up and expired ones.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "[--limit N | --all] [--json] [<flags>]",
        example = "{command_name} --key-file key --server https://drop.example.org\n\
                   {command_name} --all --json"
    )]
    pub(crate) struct SecretListCommand: json("print one line of JSON for each, with its log"), server {
        /// the most secrets to list (50)
        #[argh(option, arg_name = "N")]
        limit: Option<usize>,

        /// list all of them
        #[argh(switch)]
        all: bool,
    }
}

impl SecretListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let limit = limit(self.limit, self.all)?;
        let connection = self.connection();
        let server = connection.settings(context)?.account(context)?;
        let progress = CommandProgress::new("Asking");
        let listed = listed::list(&server, "api/secrets", limit, &progress)?;
        if self.json {
            return Ok(listed.iter().try_for_each(|item| write_json(context.out, item))?);
        }
        let mut rows = Vec::with_capacity(listed.len());
        for value in listed {
            let item: ListedSecret = listed::entry(&server, value)?;
            let words = item.description.as_deref().or(item.message.as_deref()).unwrap_or("-");
            rows.push([
                terminal_text::line(&item.id),
                state(&item).to_owned(),
                format!("{}/{}", item.view_times, item.max_views),
                terminal_text::line(item.created_at.as_deref().unwrap_or("-")),
                terminal_text::line(item.expires_at.as_deref().unwrap_or("-")),
                terminal_text::line(words),
            ]);
        }
        let header = ["ID", "STATE", "VIEWS", "CREATED", "UNTIL", "DESCRIPTION"];
        Ok(columns::write(context.out, header, &rows)?)
    }
}

/// The number of entries to list.
pub(crate) fn limit(limit: Option<usize>, all: bool) -> Result<usize, Failure> {
    match (limit, all) {
        (Some(_), true) => Err(Failure::usage("give either --limit or --all")),
        (Some(0), false) => Err(Failure::usage("--limit must be at least 1")),
        (Some(limit), false) => Ok(limit),
        (None, true) => Ok(usize::MAX),
        (None, false) => Ok(PAGE),
    }
}
