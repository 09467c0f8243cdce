//! `sealdrop box`: boxes of the Key Service. All who have the link can send, and only the owner can read.

mod create;
mod delete;
mod key_file;
mod measured;
mod owner;
mod read;
mod send;

use super::{
    Context, Exit, Failure,
    connection::{ServerFlags, ServerSettings},
    terminal_text,
};
use crate::{
    cli::flags::command_group,
    client::{Dialect, boxes::BoxClientError},
};

command_group! {
    /// Create a box for texts and files from others; send to a box; read or delete your own.
    #[argh(
        subcommand,
        name = "box",
        help_triggers("-h", "--help"),
        example = "{command_name} create --server https://drop.example.org\n\
                   {command_name} send https://drop.example.org/box/… photo.jpg\n\
                   {command_name} read https://drop.example.org/box/… -o incoming"
    )]
    pub(super) struct BoxCommand: BoxAction {
        Create(create::BoxCreateCommand),
        Send(send::BoxSendCommand),
        Read(read::BoxReadCommand),
        Delete(delete::BoxDeleteCommand),
    }
}

impl From<BoxClientError> for Failure {
    fn from(error: BoxClientError) -> Self {
        let message = terminal_text::escaped(&error.to_string());
        let exit = match error {
            BoxClientError::Gone => Exit::Gone,
            BoxClientError::Wrong | BoxClientError::NoKeyThere => Exit::Refused,
            BoxClientError::NotYet(_) | BoxClientError::Full(_) => Exit::Busy,
            // A retry does not help.
            BoxClientError::Locked(_) | BoxClientError::Unsure(_) => Exit::Failed,
            BoxClientError::PublicKey(_) => Exit::Damaged,
            BoxClientError::Other(error) => return error.into(),
        };
        Self { exit, message }
    }
}

/// The server that the flags name; it must have boxes.
fn settings(connection: ServerFlags, context: &mut Context<'_>) -> Result<ServerSettings, Failure> {
    let settings = connection.settings(context)?;
    match settings.dialect() {
        Dialect::Sealdrop => Ok(settings),
        Dialect::PasswordLink => Err(super::secret::terms::not_in_password_link("boxes")),
    }
}
