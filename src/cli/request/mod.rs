//! `sealdrop request …`

pub(crate) mod answer;
mod create;
mod delete;
mod list;
mod status;

use crate::{
    cli::{
        Context, Failure, connection::ServerFlags, flags::command_group,
        secret::terms::not_in_password_link,
    },
    client::{Dialect, ServerClient, link::StatusLink},
    crypto::{AnswerPrivateKey, SecretText},
};

command_group! {
    /// Ask others for secrets: with the link of a request, a person without an account sends you a secret.
    #[argh(
        subcommand,
        name = "request",
        help_triggers("-h", "--help"),
        usage = "<command> [<args>]",
        example = "{command_name} create --message 'the password of the router, please'\n\
                   {command_name} status 'https://drop.example.org/req/…/status#…'\n{command_name} list"
    )]
    pub(crate) struct RequestCommand: RequestAction {
        Create(create::RequestCreateCommand),
        Status(status::RequestStatusCommand),
        List(list::RequestListCommand),
        Delete(delete::RequestDeleteCommand),
    }
}

/// The person who has made a request, identified by its manage token or by the API key of its account.
struct RequestOwner {
    server: ServerClient,
    id: String,
    manage_token: Option<SecretText>,
    answer_key: Option<AnswerPrivateKey>,
}

impl RequestOwner {
    /// The owner of the request that `text` names.
    fn new(
        connection: ServerFlags,
        text: &str,
        context: &mut Context<'_>,
    ) -> Result<Self, Failure> {
        let settings = connection.settings(context)?;
        let StatusLink { place, manage_token, answer_key } = StatusLink::of_request(text)?;
        if manage_token.is_some() && settings.dialect() == Dialect::PasswordLink {
            return Err(not_in_password_link("requests without an account"));
        }
        let server = settings.server_of(&place, context)?;
        if manage_token.is_none() && !server.has_key() {
            return Err(Failure::usage(format!(
                "only the person who made the request can do this: give the status link from `sealdrop \
                 request create`, or the account's API key for {} (--key-file FILE, SEALDROP_KEY)",
                server.root()
            )));
        }
        // The answers are encrypted for this id, in lower case.
        Ok(Self { server, id: place.id.to_lowercase(), manage_token, answer_key })
    }
}
