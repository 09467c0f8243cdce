//! `sealdrop account set`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// Change an account: where the mails go that say that a secret was viewed, or that somebody tried a
/// burned link.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "set",
    help_triggers("-h", "--help"),
    usage = "NAME --notify-email ADDRESS|none [--json] [--data DIR] [--config FILE]",
    example = "{command_name} alice --notify-email alice@example.org\n\
               {command_name} alice --notify-email none"
)]
pub(crate) struct Set {
    /// the account's name
    #[argh(positional)]
    name: String,

    /// to whom notifications go: one address, or none
    #[argh(option)]
    notify_email: String,

    /// print one line of JSON
    #[argh(switch)]
    json: bool,

    /// the data directory (SEALDROP_DATA, or ./sealdrop-data)
    #[argh(option)]
    data: Option<String>,

    /// a TOML file that names the data directory
    #[argh(option)]
    config: Option<String>,
}

impl Set {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = Place { data: self.data, config: self.config };
        let email = Some(self.notify_email).filter(|email| email != "none");
        let command = Command::SetNotifyEmail { account: self.name, email };
        let Reply::NotifyEmailSet(set) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if set.email.is_some() && set.mail_ready == Some(false) {
            writeln!(
                context.err,
                "sealdrop: warning: this daemon sends no mail, so notifications will be given up: \
                 see smtp_url in docs/mail.md"
            )?;
        }
        if self.json {
            return Ok(write_json(context.out, &set)?);
        }
        let said = match set.email {
            Some(email) => format!("notifications of account {} go to {email}", set.account),
            None => format!("account {} gets no notifications", set.account),
        };
        Ok(writeln!(context.out, "{said}")?)
    }
}
