//! `sealdrop backup`: copies of the whole data directory, made while the daemon runs, and the way back.

mod chain;
mod create;
mod drill;
mod encryption;
mod index;
pub(in crate::cli) mod key_source;
mod list;
mod named;
pub(in crate::cli) mod opened;
mod part;
mod prune;
mod restore;
mod verify;

use crate::cli::flags::command_group;

command_group! {
    /// Back up the data while the daemon runs, check backups, restore them. A secret that was live when a backup
    /// was made can be opened from it with its link, also after it was viewed or burned.
    #[argh(
        subcommand,
        name = "backup",
        help_triggers("-h", "--help"),
        example = "{command_name} create /var/backups/sealdrop --with-keys --recipient age1… \\\n\
                   \x20   --data /var/lib/sealdrop\n\
                   {command_name} drill sealdrop-20261130T073300Z.age --identity key.txt"
    )]
    pub(crate) struct BackupCommand: BackupAction {
        Create(create::BackupCreateCommand),
        Verify(verify::BackupVerifyCommand),
        List(list::BackupListCommand),
        Restore(restore::BackupRestoreCommand),
        Drill(drill::BackupDrillCommand),
        Prune(prune::BackupPruneCommand),
    }
}
