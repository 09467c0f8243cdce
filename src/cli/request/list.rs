//! `sealdrop request list`

use crate::{
    cli::{
        Context, Failure, columns,
        flags::{command, server_connection},
        operator::administration::write_json,
        progress::CommandProgress,
        secret::list::limit,
        terminal_text,
    },
    client::{
        listed,
        requests::{self, ListedRequest},
    },
};

command! {
    /// List the secret requests of an account, newest first.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "[--limit N | --all] [--json] [<flags>]",
        example = "{command_name}\n{command_name} --all --json"
    )]
    pub(crate) struct RequestListCommand: json("print one line of JSON for each"), server {
        /// the most requests to list (50)
        #[argh(option, arg_name = "N")]
        limit: Option<usize>,

        /// list all of them
        #[argh(switch)]
        all: bool,
    }
}

impl RequestListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let limit = limit(self.limit, self.all)?;
        let connection = self.connection();
        let server = connection.settings(context)?.account(context)?;
        let listed = listed::list(&server, requests::LIST, limit, &CommandProgress::new("Asking"))?;
        if self.json {
            return Ok(listed.iter().try_for_each(|item| write_json(context.out, item))?);
        }
        let mut rows = Vec::with_capacity(listed.len());
        for value in listed {
            let item: ListedRequest = listed::entry(&server, value)?;
            let state = match item {
                ListedRequest { used, limit, .. } if limit > 0 && used >= limit => "used up",
                ListedRequest { expired: true, .. } => "expired",
                _ => "open",
            };
            let words = item.description.as_deref().or(item.message.as_deref()).unwrap_or("-");
            rows.push([
                terminal_text::line(&item.id),
                state.to_owned(),
                format!("{}/{}", item.used, item.limit),
                terminal_text::line(item.expires_at.as_deref().unwrap_or("-")),
                terminal_text::line(words),
            ]);
        }
        let header = ["ID", "STATE", "ANSWERS", "UNTIL", "DESCRIPTION"];
        Ok(columns::write(context.out, header, &rows)?)
    }
}
