//! `sealdrop account set`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// Change an account: the address for mails about views of its secrets and about late attempts.
    #[argh(
        subcommand,
        name = "set",
        help_triggers("-h", "--help"),
        usage = "NAME --notify-email ADDRESS|none [--json] [--data DIR] [--config FILE]",
        example = "{command_name} alice --notify-email alice@example.org\n\
                   {command_name} alice --notify-email none"
    )]
    pub(crate) struct AccountSetCommand: json, directory {
        /// the name of the account
        #[argh(positional)]
        name: String,

        /// the address for notifications, or none
        #[argh(option)]
        notify_email: String,
    }
}

impl AccountSetCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let email = Some(self.notify_email).filter(|email| email != "none");
        let command = Command::SetNotifyEmail { account: self.name, email };
        let set = reply!(NotifyEmailSet, flags, command, context);
        if set.email.is_some() && set.mail_ready == Some(false) {
            writeln!(
                context.err,
                "sealdrop: warning: this daemon has no mail server, so notifications cannot be sent: \
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
