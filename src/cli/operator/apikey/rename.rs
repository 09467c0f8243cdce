//! `sealdrop apikey rename`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
        terminal_text,
    },
};

command! {
    /// Set or remove the name of an API key. The key keeps working.
    #[argh(
        subcommand,
        name = "rename",
        help_triggers("-h", "--help"),
        usage = "ID TEXT|none [--json] [--data DIR] [--config FILE]",
        example = "sealdrop apikey list\n{command_name} ID-FROM-THE-LIST 'Backup script'"
    )]
    pub(crate) struct ApiKeyRenameCommand: json, directory {
        /// the id of the key, from the list
        #[argh(positional)]
        id: String,

        /// the new name, 60 characters at most, or none
        #[argh(positional)]
        text: String,
    }
}

impl ApiKeyRenameCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let name = Some(self.text).filter(|text| text != "none");
        let command = Command::RenameApiKey { id: self.id, name };
        let renamed = reply!(ApiKeyRenamed, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &renamed)?);
        }
        let (id, account) = (renamed.id, renamed.account);
        let told = match renamed.name {
            Some(name) => format!("is named {}", terminal_text::line(&name)),
            None => "has no name".to_owned(),
        };
        Ok(writeln!(context.out, "key {id} of account {account} {told}")?)
    }
}
