//! `sealdrop key rename`

use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        operator::administration::write_json,
        progress::CommandProgress,
        terminal_text,
    },
    client::api_keys,
};

command! {
    /// Set or remove the name of an API key of your account. The key keeps working.
    #[argh(
        subcommand,
        name = "rename",
        help_triggers("-h", "--help"),
        usage = "ID TEXT|none [--json] [<flags>]",
        example = "{command_name} ID-FROM-THE-LIST 'Backup script'"
    )]
    pub(crate) struct AccountKeyRenameCommand: json("print one line of JSON: the key as in the list"), server {
        /// the id of the key, from the list
        #[argh(positional)]
        id: String,

        /// the new name, 60 characters at most, or none
        #[argh(positional)]
        text: String,
    }
}

impl AccountKeyRenameCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let server = super::server(connection.settings(context)?, context)?;
        let name = Some(self.text.as_str()).filter(|text| *text != "none");
        let renamed = api_keys::rename(&server, &self.id, name, &CommandProgress::new("Renaming"))?;
        if self.json {
            return Ok(write_json(context.out, &renamed)?);
        }
        Ok(writeln!(context.err, "Renamed {}", terminal_text::line(&self.id))?)
    }
}
