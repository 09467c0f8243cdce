//! `sealdrop request status`

use super::RequestOwner;
use crate::{
    cli::{
        Context, Exit, Failure, columns,
        flags::{command, server_connection},
        operator::administration::write_json,
        progress::CommandProgress,
        secret::terms::not_in_password_link,
        terminal_text,
    },
    client::{
        Dialect,
        answers::{ListedAnswer, put_link},
        listed,
        requests::{self, RequestStatus},
    },
    crypto::SecretText,
};

command! {
    /// List the answers to a secret request, oldest first, each with the link that opens it. This spends no
    /// view.
    #[argh(
        subcommand,
        name = "status",
        help_triggers("-h", "--help"),
        usage = "STATUS_LINK [--json] [<flags>]",
        example = "{command_name} 'https://drop.example.org/req/…/status#…'\n\
                   {command_name} 'https://drop.example.org/req/…/status#…' --json",
        note = "`sealdrop request create` prints the status link. Its key decrypts the links of the answers on \
                this machine, and is not sent. `sealdrop open LINK` opens an answer. With the API key of an \
                account the id is enough, but then there are no links."
    )]
    pub(crate) struct RequestStatusCommand: json("print one line of JSON for each"), server {
        /// the status link of the request, or its id
        #[argh(positional)]
        request: String,
    }
}

impl RequestStatusCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let owner = RequestOwner::new(self.connection(), &self.request, context)?;
        let RequestOwner { server, id, manage_token, .. } = &owner;
        if server.dialect() == Dialect::PasswordLink {
            return Err(not_in_password_link("the answers to a request"));
        }
        let progress = CommandProgress::new("Asking");
        let found = requests::status(server, id, manage_token.as_ref(), &progress)?;
        progress.end();
        if !self.json {
            tell_state(&found, context)?;
        }
        let (mut rows, mut has_other_key) = (Vec::new(), false);
        for mut value in found.answers {
            let answer: ListedAnswer = listed::entry(server, value.clone())?;
            let link = owner.link(&answer, &mut has_other_key);
            if self.json {
                if let Some(link) = &link {
                    put_link(&mut value, link);
                }
                write_json(context.out, &value)?;
                continue;
            }
            rows.push([
                terminal_text::line(&answer.created_at),
                state(&answer).to_owned(),
                link.map_or("-".to_owned(), |link| link.expose_secret().to_owned()),
            ]);
        }
        if !rows.is_empty() {
            columns::write(context.out, ["SENT", "STATE", "LINK"], &rows)?;
        }
        if has_other_key {
            return Err(Failure {
                exit: Exit::Damaged,
                message:
                    "the key in the status link does not open all answers; is the link complete?"
                        .into(),
            });
        }
        Ok(())
    }
}

impl RequestOwner {
    /// The link of an answer that can be viewed, if the key for it is here.
    fn link(&self, answer: &ListedAnswer, has_other_key: &mut bool) -> Option<SecretText> {
        let key = self.answer_key.as_ref().filter(|_| answer.is_waiting())?;
        let link = answer.link(self.server.root(), &self.id, key)?;
        *has_other_key |= link.is_err();
        link.ok()
    }
}

/// The state of the request in one line on standard error.
fn tell_state(found: &RequestStatus, context: &mut Context<'_>) -> Result<(), Failure> {
    let until = found.expires_at.as_deref().map_or_else(String::new, |end| {
        let word = if found.expired { "expired" } else { "open until" };
        format!("; {word} {}", terminal_text::line(end))
    });
    Ok(writeln!(context.err, "{} of {} answers{until}", found.used, found.limit)?)
}

/// The state of an answer in one word.
fn state(answer: &ListedAnswer) -> &'static str {
    match answer {
        ListedAnswer { draft: true, .. } => "draft",
        ListedAnswer { view_times, max_views, .. } if view_times >= max_views => "viewed",
        ListedAnswer { expired: true, .. } => "expired",
        _ => "waiting",
    }
}
