//! `sealdrop status`

use super::terms::not_in_password_link;
use crate::{
    cli::{
        Context, Failure,
        connection::ServerFlags,
        flags::{command, server_connection},
        operator::{administration::write_json, server_status},
        progress::CommandProgress,
        terminal_text,
    },
    client::{
        Dialect, ServerClient,
        answers::put_link,
        link::StatusLink,
        listed::{self, ListedSecret},
    },
    crypto::{AnswerKeyError, AnswerPrivateKey, SecretText},
    size::size_text,
    user_agent::UserAgent,
};

command! {
    /// Show the status of a secret: its views and other events. This spends no view. Without a secret: the state
    /// of the daemon on this machine.
    #[argh(
        subcommand,
        name = "status",
        help_triggers("-h", "--help"),
        usage = "[LINK_OR_ID] [--json] [<flags>]",
        example = "{command_name} 'https://drop.example.org/status/…#…'\n\
                   {command_name} ID --json --key-file key\n\
                   {command_name} --data /var/lib/sealdrop",
        note = "`sealdrop send` prints the status link. For a secret of an account, give its id or link and \
                the account's API key. The state of the daemon is for the user that it runs as."
    )]
    pub(crate) struct StatusCommand: json, server, directory {
        /// the status link, or the secret's link or id
        #[argh(positional)]
        secret: Option<String>,
    }
}

impl StatusCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let Some(secret) = &self.secret else {
            if connection != ServerFlags::default() {
                return Err(Failure::usage(
                    "give the status link, or the link or id of a secret; without it there is no server to \
                     ask, only the daemon on this machine (--data)",
                ));
            }
            return server_status::run(self.directory(), self.json, context);
        };
        if self.data.is_some() || self.config.is_some() {
            return Err(Failure::usage(
                "--data and --config are for the state of the daemon: give them without a secret",
            ));
        }
        let sender = Sender::new(connection, secret, context)?;
        let Sender { server, id, manage_token, .. } = &sender;
        let progress = CommandProgress::new("Asking");
        let mut told = match &manage_token {
            Some(token) => listed::status(server, id, token, &progress)?,
            None => listed::find(server, id, &progress)?,
        };
        let item: ListedSecret = listed::entry(server, told.clone())?;
        let reply = sender.reply(&item);
        if self.json {
            if let (Some(shown), Some(Ok(link))) = (told.get_mut("reply"), &reply) {
                put_link(shown, link);
            }
            return Ok(write_json(context.out, &told)?);
        }
        write(&item, context)?;
        tell_reply(&item, reply.as_ref(), context)
    }
}

/// The sender of a secret, identified by its manage token or by the API key of its account.
pub(crate) struct Sender {
    pub(crate) server: ServerClient,
    pub(crate) id: String,
    pub(crate) manage_token: Option<SecretText>,
    /// The private key for a reply, which is in the status link alone.
    pub(crate) answer_key: Option<AnswerPrivateKey>,
}

impl Sender {
    /// The sender of the secret that `text` names.
    pub(crate) fn new(
        connection: ServerFlags,
        text: &str,
        context: &mut Context<'_>,
    ) -> Result<Self, Failure> {
        let settings = connection.settings(context)?;
        let StatusLink { place, manage_token, answer_key } = StatusLink::parse(text)?;
        if manage_token.is_some() && settings.dialect() == Dialect::PasswordLink {
            return Err(not_in_password_link("secrets without an account"));
        }
        let server = settings.server_of(&place, context)?;
        if manage_token.is_none() && !server.has_key() {
            return Err(unidentified(server.root().as_str()));
        }
        Ok(Self { server, id: place.id, manage_token, answer_key })
    }

    /// The link of the reply, if it can be viewed and the key for it is here.
    fn reply(&self, item: &ListedSecret) -> Option<Result<SecretText, AnswerKeyError>> {
        let reply = item.reply.as_ref().filter(|reply| reply.is_waiting())?;
        reply.link(self.server.root(), &self.id, self.answer_key.as_ref()?)
    }
}

/// Shows the reply: its link, or why there is none.
fn tell_reply(
    item: &ListedSecret,
    link: Option<&Result<SecretText, AnswerKeyError>>,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let text = match (&item.reply, link) {
        (None, _) if item.reply_key.is_none() => return Ok(()),
        (None, _) => "none yet",
        (Some(_), Some(Ok(link))) => link.expose_secret(),
        (Some(_), Some(Err(_))) => "there is one, for another key: is the status link complete?",
        (Some(reply), None) if reply.is_waiting() => {
            "there is one: the complete status link opens it"
        }
        (Some(reply), None) if reply.view_times > 0 => "viewed",
        (Some(_), None) => "expired",
    };
    Ok(writeln!(context.out, "{:<12} {text}", "reply")?)
}

/// The failure without a manage token and without an API key.
pub(crate) fn unidentified(root: &str) -> Failure {
    Failure::usage(format!(
        "only the sender can do this: give the status link from `sealdrop send`, or the account's API key \
         for {root} (--key-file FILE, SEALDROP_KEY)"
    ))
}

fn write(item: &ListedSecret, context: &mut Context<'_>) -> Result<(), Failure> {
    let out = &mut *context.out;
    let mut row = |name: &str, value: &str| {
        writeln!(out, "{:<12} {}", terminal_text::line(name), terminal_text::line(value))
    };
    row("id", &item.id)?;
    row("state", state(item))?;
    row("viewed", &format!("{} of {}", item.view_times, item.max_views))?;
    row("created", item.created_at.as_deref().unwrap_or("-"))?;
    row("until", item.expires_at.as_deref().unwrap_or("-"))?;
    if item.password {
        row("password", "yes")?;
    }
    for (name, value) in [("message", &item.message), ("description", &item.description)] {
        if let Some(value) = value {
            row(name, value)?;
        }
    }
    for file in &item.attachments {
        row("file", &format!("number {}, {} encrypted", file.n, size_text(file.size)))?;
    }
    let views = item.views.iter().map(|view| {
        (view.viewed_at.as_str(), "viewed", &view.viewed_by_ip, &view.viewed_by_user_agent)
    });
    let events = item
        .events
        .iter()
        .map(|event| (event.at.as_str(), event.event.as_str(), &event.ip, &event.user_agent));
    let mut log: Vec<_> = views.chain(events).collect();
    log.sort_by_key(|(at, ..)| *at);
    for (at, what, ip, program) in log {
        let ip = ip.as_deref().unwrap_or("-");
        let program = program.as_deref().map_or_else(|| "-".to_owned(), program_name);
        row(&what.replace('_', " "), &format!("{at}  {ip}  {program}"))?;
    }
    Ok(())
}

/// The name of a program, or the header as it is.
fn program_name(header: &str) -> String {
    match UserAgent::of(header) {
        UserAgent::Browser { name: Some(name), system: Some(system) } => {
            format!("{name} on {system}")
        }
        UserAgent::Browser { name: None, .. } => header.to_owned(),
        UserAgent::Robot(None) => format!("robot: {header}"),
        UserAgent::Robot(Some(name)) => format!("robot of {name}"),
        UserAgent::Browser { name: Some(name), .. } | UserAgent::Program(name) => name.to_owned(),
    }
}

/// The state in one word.
pub(crate) fn state(item: &ListedSecret) -> &'static str {
    match item {
        ListedSecret { draft: true, .. } => "draft",
        ListedSecret { locked: true, .. } => "locked",
        ListedSecret { view_times, max_views, .. } if view_times >= max_views => "viewed",
        ListedSecret { expired: true, .. } => "expired",
        _ => "waiting",
    }
}
