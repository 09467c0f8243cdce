//! `sealdrop claim`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json, write_made},
        qr,
    },
};

command! {
    /// Print a link that signs a browser in to an account: valid once, for 15 minutes. It replaces the
    /// account's previous link. The daemon must be running.
    #[argh(
        subcommand,
        name = "claim",
        help_triggers("-h", "--help"),
        usage = "[--account NAME] [--qr] [--json] [--data DIR] [--config FILE]",
        note = "The browser gets a private API key of its own; sealdrop apikey list shows it, and \
                sealdrop apikey revoke ends its access.",
        example = "{command_name} --data /var/lib/sealdrop\n\
                   {command_name} --account alice --qr"
    )]
    pub(crate) struct ClaimCommand: json, directory {
        /// the account (default: the only one, or "default")
        #[argh(option, arg_name = "NAME")]
        account: Option<String>,
        /// print a QR code as well, for a phone
        #[argh(switch)]
        qr: bool,
    }
}

impl ClaimCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::CreateClaim { account: self.account };
        let created = reply!(ClaimCreated, flags, command, context);
        if self.json {
            return write_made(context, |out| write_json(out, &created));
        }
        write_made(context, |out| writeln!(out, "{}", created.link.expose_secret()))?;
        if self.qr {
            qr::draw(created.link.expose_secret(), context.err)?;
        }
        writeln!(
            context.err,
            "Open this link in a browser to sign in to the account {:?}. It is valid once, until {}.",
            created.account, created.until
        )?;
        Ok(())
    }
}
