//! `sealdrop mail list`

use crate::{
    admin::Command,
    cli::{
        Context, Failure, columns,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// List the outbox, oldest first: mails and webhook calls that wait, and those that were given up in the
    /// last seven days.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "[--json] [--data DIR] [--config FILE]",
        example = "{command_name} --data /var/lib/sealdrop"
    )]
    pub(crate) struct MailListCommand:
        json("print one line of JSON for each thousand items: an array, with times in Unix seconds"),
        directory
    {}
}

impl MailListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let mut next = Some(0);
        // In pages, so that neither side has the whole list in memory.
        while let Some(from) = next {
            let flags = self.directory();
            let page = reply!(Outbox, flags, Command::ListOutbox { from }, context);
            next = page.next;
            if self.json {
                write_json(context.out, &page.entries)?;
                continue;
            }
            let rows: Vec<[String; 8]> = page
                .entries
                .into_iter()
                .map(|row| {
                    [
                        row.id.to_string(),
                        row.kind,
                        row.to.unwrap_or_else(|| "-".to_owned()),
                        row.state,
                        row.queued_at.to_string(),
                        row.next_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
                        row.attempts.to_string(),
                        row.error.unwrap_or_default(),
                    ]
                })
                .collect();
            let header = ["ID", "KIND", "TO", "STATE", "QUEUED", "NEXT", "TRIES", "LAST ERROR"];
            columns::write(context.out, header, &rows)?;
        }
        Ok(())
    }
}
