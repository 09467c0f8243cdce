//! `sealdrop request delete`

use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        progress::CommandProgress,
        secret::status::unidentified,
        terminal_text,
    },
    client::{link::request_place, requests},
};

command! {
    /// Delete a secret request: its link stops working. The secrets that answered it stay.
    #[argh(
        subcommand,
        name = "delete",
        help_triggers("-h", "--help"),
        usage = "LINK_OR_ID [<flags>]",
        example = "{command_name} 5e976e6e-d205-4f58-8df9-5ac0048bc702\n\
                   {command_name} https://drop.example.org/req/5e976e6e-d205-4f58-8df9-5ac0048bc702"
    )]
    pub(crate) struct RequestDeleteCommand: server {
        /// the request's link or id
        #[argh(positional)]
        request: String,
    }
}

impl RequestDeleteCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let place = request_place(&self.request)?;
        let server = connection.settings(context)?.server_of(&place, context)?;
        if !server.has_key() {
            return Err(unidentified(server.root().as_str()));
        }
        requests::delete(&server, &place.id, &CommandProgress::new("Deleting"))?;
        Ok(writeln!(context.err, "Deleted {}", terminal_text::line(&place.id))?)
    }
}
