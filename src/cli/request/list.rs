//! `sealdrop request list`

use argh::{ArgsInfo, FromArgs};

use crate::{
    cli::{
        Context, Failure, columns, connection::Connection, operator::administration::write_json,
        progress::Progress, prompt, secret::list::limit,
    },
    client::{
        listed,
        requests::{self, Item},
    },
};

/// List the secret requests of an account, newest first.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "list",
    help_triggers("-h", "--help"),
    usage = "[--limit N | --all] [--json] [<flags>]",
    example = "{command_name}\n{command_name} --all --json"
)]
pub(crate) struct List {
    /// so many at most (50)
    #[argh(option, arg_name = "N")]
    limit: Option<usize>,

    /// all of them
    #[argh(switch)]
    all: bool,

    /// print each as a line of JSON
    #[argh(switch)]
    json: bool,

    /// the server's address (SEALDROP_SERVER)
    #[argh(option, arg_name = "URL")]
    server: Option<String>,

    /// a file with an API key (SEALDROP_KEY_FILE, or the key itself in SEALDROP_KEY)
    #[argh(option, arg_name = "FILE")]
    key_file: Option<String>,

    /// what the server speaks: sealdrop or password.link (SEALDROP_DIALECT, sealdrop)
    #[argh(option, arg_name = "sealdrop|password.link")]
    dialect: Option<String>,

    /// a header for what stands before the server, such as a login; also several times. @FILE for those in a file
    /// (SEALDROP_HEADER)
    #[argh(option, arg_name = "NAME:VALUE")]
    header: Vec<String>,

    /// a file with the certificates to trust, in place of the system's (SEALDROP_CACERT)
    #[argh(option, arg_name = "FILE")]
    cacert: Option<String>,
}

impl List {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let limit = limit(self.limit, self.all)?;
        let connection = Connection {
            server: self.server,
            key_file: self.key_file,
            dialect: self.dialect,
            header: self.header,
            cacert: self.cacert,
        };
        let server = connection.settings(context)?.account(context)?;
        let listed = listed::list(&server, requests::LIST, limit, &Progress::new("Asking"))?;
        if self.json {
            return Ok(listed.iter().try_for_each(|item| write_json(context.out, item))?);
        }
        let mut rows = Vec::with_capacity(listed.len());
        for value in listed {
            let item: Item = listed::entry(&server, value)?;
            let state = match item {
                Item { used, limit, .. } if limit > 0 && used >= limit => "used up",
                Item { expired: true, .. } => "expired",
                _ => "open",
            };
            let words = item.description.as_deref().or(item.message.as_deref()).unwrap_or("-");
            rows.push([
                prompt::line(&item.id),
                state.to_owned(),
                format!("{}/{}", item.used, item.limit),
                prompt::line(item.expires_at.as_deref().unwrap_or("-")),
                prompt::line(words),
            ]);
        }
        let header = ["ID", "STATE", "ANSWERS", "UNTIL", "DESCRIPTION"];
        Ok(columns::write(context.out, header, &rows)?)
    }
}
