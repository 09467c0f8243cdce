//! `sealdrop master-key`: the key that encrypts the ring.

mod create;
mod rotate;

use crate::cli::flags::command_group;

command_group! {
    /// The master key encrypts the ring, which has the key to all data: without it, a stolen disk opens nothing.
    /// Keep a copy of it elsewhere: without it, you open nothing either.
    #[argh(
        subcommand,
        name = "master-key",
        help_triggers("-h", "--help"),
        example = "{command_name} create /etc/sealdrop/master-key\n\
                   sealdrop --master-key-file /etc/sealdrop/master-key"
    )]
    pub(crate) struct MasterKeyCommand: MasterKeyAction {
        Create(create::MasterKeyCreateCommand),
        Rotate(rotate::MasterKeyRotateCommand),
    }
}
