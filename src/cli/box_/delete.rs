//! `sealdrop box delete`

use super::{owner::BoxOwner, settings};
use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        progress::CommandProgress,
        prompt,
    },
    client::{
        boxes::{BoxClient, BoxClientError},
        link::box_place,
    },
};

command! {
    /// Delete a box and all of its messages. Its key file stays, but is of no use.
    #[argh(
        subcommand,
        name = "delete",
        help_triggers("-h", "--help"),
        usage = "LINK [--yes] [--private-key FILE] [--online] [<flags>]",
        example = "{command_name} https://drop.example.org/box/…"
    )]
    pub(super) struct BoxDeleteCommand:
        box_server(
            "the server's address (the link's)",
            "a file with an API key; not needed for this (SEALDROP_KEY_FILE)"
        )
    {
        /// the link of the box, or its token
        #[argh(positional)]
        link: String,

        /// do not ask for confirmation
        #[argh(switch, short = 'y')]
        yes: bool,

        /// the file with the private key (where `box create` puts it)
        #[argh(option, arg_name = "FILE")]
        private_key: Option<String>,

        /// a file with the passphrase (default: ask at the terminal)
        #[argh(option, arg_name = "FILE")]
        passphrase_file: Option<String>,

        /// without the key file: send the server the passphrase of its key
        #[argh(switch)]
        online: bool,
    }
}

impl BoxDeleteCommand {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let settings = settings(connection, context)?;
        let place = box_place(&self.link)?;
        if !self.yes && !context.interactive {
            return Err(Failure::usage(
                "this deletes the box and all of its messages, and there is no terminal to ask for \
                 confirmation: add --yes to confirm",
            ));
        }
        let server = settings.server_of(&place, context)?;
        let drop_box = BoxClient { server: &server, token: &place.id };
        let progress = CommandProgress::new("Deleting");
        let terms = drop_box.terms(&progress)?;
        if !self.yes {
            prompt::confirm("This deletes the box and all of its messages. Continue?", context)?;
        }
        let owner = BoxOwner {
            online: self.online,
            private_key: self.private_key.as_deref(),
            passphrase_file: self.passphrase_file.as_deref(),
        };
        let (mut access, _) = owner.access((&place.id, &terms), context)?;
        loop {
            match drop_box.delete(&access, &progress) {
                Err(BoxClientError::Wrong) => match owner.access_again(context)? {
                    Some(other) => access = other,
                    None => return Err(BoxClientError::Wrong.into()),
                },
                deleted => {
                    deleted?;
                    writeln!(context.err, "The box is deleted.")?;
                    return Ok(());
                }
            }
        }
    }
}
