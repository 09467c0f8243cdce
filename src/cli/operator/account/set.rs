//! `sealdrop account set`

use serde::Serialize;

use crate::{
    admin::{Command, DisplayNameSet, NotifyEmailSet},
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
        terminal_text,
    },
};

command! {
    /// Change an account: the address for mails about views of its secrets and about late attempts, and the
    /// name that viewers of its secrets see.
    #[argh(
        subcommand,
        name = "set",
        help_triggers("-h", "--help"),
        usage = "NAME [--notify-email ADDRESS|none] [--display-name TEXT|none] [--json] [--data DIR] \
                 [--config FILE]",
        example = "{command_name} alice --notify-email alice@example.org\n\
                   {command_name} alice --notify-email none\n\
                   {command_name} alice --display-name 'Alice Andersson'"
    )]
    pub(crate) struct AccountSetCommand: json, directory {
        /// the name of the account
        #[argh(positional)]
        name: String,

        /// the address for notifications, or none
        #[argh(option)]
        notify_email: Option<String>,

        /// the name of the sender for viewers, 60 characters at most, or none
        #[argh(option)]
        display_name: Option<String>,
    }
}

/// The changes, as one object.
#[derive(Serialize)]
struct AccountSetLine<'a> {
    account: &'a str,
    #[serde(flatten)]
    notify: Option<NotifyLine<'a>>,
    #[serde(flatten)]
    display: Option<DisplayLine<'a>>,
}

#[derive(Serialize)]
struct NotifyLine<'a> {
    email: Option<&'a str>,
    mail_ready: Option<bool>,
}

#[derive(Serialize)]
struct DisplayLine<'a> {
    display_name: Option<&'a str>,
}

impl AccountSetCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.notify_email.is_none() && self.display_name.is_none() {
            return Err(Failure::usage(
                "there is nothing to change: give --notify-email ADDRESS or --display-name TEXT",
            ));
        }
        let given = |value: &String| Some(value.clone()).filter(|value| value != "none");
        // The name first: an address is checked when it is set, and then nothing else can be wrong.
        let display = match &self.display_name {
            Some(name) => {
                let command = Command::SetDisplayName {
                    account: self.name.clone(),
                    display_name: given(name),
                };
                Some(reply!(DisplayNameSet, self.directory(), command, context))
            }
            None => None,
        };
        let notify = match &self.notify_email {
            Some(email) => {
                let command =
                    Command::SetNotifyEmail { account: self.name.clone(), email: given(email) };
                Some(reply!(NotifyEmailSet, self.directory(), command, context))
            }
            None => None,
        };
        self.tell(notify.as_ref(), display.as_ref(), context)
    }

    fn tell(
        &self,
        notify: Option<&NotifyEmailSet>,
        display: Option<&DisplayNameSet>,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        if notify.is_some_and(|set| set.email.is_some() && set.mail_ready == Some(false)) {
            writeln!(
                context.err,
                "sealdrop: warning: this daemon has no mail server, so notifications cannot be sent: \
                 see smtp_url in docs/mail.md"
            )?;
        }
        if self.json {
            let line = AccountSetLine {
                account: &self.name,
                notify: notify.map(|set| NotifyLine {
                    email: set.email.as_deref(),
                    mail_ready: set.mail_ready,
                }),
                display: display
                    .map(|set| DisplayLine { display_name: set.display_name.as_deref() }),
            };
            return Ok(write_json(context.out, &line)?);
        }
        let out = &mut *context.out;
        match notify.map(|set| (&set.account, &set.email)) {
            Some((account, Some(email))) => {
                writeln!(out, "notifications of account {account} go to {email}")?;
            }
            Some((account, None)) => writeln!(out, "account {account} gets no notifications")?,
            None => {}
        }
        match display.map(|set| (&set.account, &set.display_name)) {
            Some((account, Some(name))) => {
                let name = terminal_text::line(name);
                writeln!(out, "viewers of secrets of account {account} see the name {name}")?;
            }
            Some((account, None)) => {
                writeln!(out, "viewers of secrets of account {account} see no name")?;
            }
            None => {}
        }
        Ok(())
    }
}
