//! `sealdrop request delete`

use super::RequestOwner;
use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        progress::CommandProgress,
        prompt, terminal_text,
    },
    client::requests,
};

command! {
    /// Delete a secret request: its link stops working. The answers to a request of an account stay; the answers
    /// to a request without one are deleted, too.
    #[argh(
        subcommand,
        name = "delete",
        help_triggers("-h", "--help"),
        usage = "LINK_OR_ID [--yes] [<flags>]",
        example = "{command_name} 'https://drop.example.org/req/…/status#…'\n\
                   {command_name} 5e976e6e-d205-4f58-8df9-5ac0048bc702",
        note = "Give the status link of the request, or its link or id with the API key of its account."
    )]
    pub(crate) struct RequestDeleteCommand: server {
        /// the request's status link, or its link or id
        #[argh(positional)]
        request: String,

        /// do not ask before the answers to a request without an account are deleted
        #[argh(switch, short = 'y')]
        yes: bool,
    }
}

impl RequestDeleteCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let owner = RequestOwner::new(self.connection(), &self.request, context)?;
        let RequestOwner { server, id, manage_token, .. } = &owner;
        if manage_token.is_some() && !self.yes {
            prompt::insist("This deletes the answers, too. Delete the request?", context)?;
        }
        requests::delete(server, id, manage_token.as_ref(), &CommandProgress::new("Deleting"))?;
        Ok(writeln!(context.err, "Deleted {}", terminal_text::line(id))?)
    }
}
