//! What stands in for the daemon.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use crate::{
    admin::{
        AccountCreated, AccountDeleted, AccountRow, ApiKeyCreated, ApiKeyRenamed, ApiKeyRevoked,
        ApiKeyRow, ClaimCreated, Command, CommandError, DaemonHealth, DisplayNameSet, ErrorKind,
        MailTested, NotifyEmailSet, OpenFailure, OpenedStore, OutboxChanged, OutboxPage, OutboxRow,
        Reply, RingTurned, StoreCreation, WebhookAdded, WebhookRemoved, WebhookRow, WebhookTested,
    },
    cli::{Failure, Output},
    clock::UnixSeconds,
    config::Loaded,
    crypto::SecretText,
    domain::{
        account::api_key::KeyKind,
        notify::event::WebhookEventKind,
        server_status::{
            DiskStatus, QueueStatus, SecretsStatus, ServerStatus, StatusWarning, WarningCode,
        },
    },
};

/// Answers every command with fixed rows and remembers what it was asked.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) served: RefCell<Vec<Loaded>>,
    pub(super) asked: RefCell<Vec<(PathBuf, StoreCreation)>>,
}

impl Fake {
    pub(super) fn serve(&self, loaded: Loaded, output: Output<'_>) -> Result<(), Failure> {
        for address in &loaded.settings.listen {
            writeln!(output.out, "sealdrop listening on http://{address}")?;
        }
        self.served.borrow_mut().push(loaded);
        Ok(())
    }

    pub(super) fn open_store(
        &self,
        dir: &Path,
        create: StoreCreation,
    ) -> Result<OpenedStore, OpenFailure> {
        self.asked.borrow_mut().push((dir.to_owned(), create));
        Ok(Box::new(answer))
    }
}

fn status() -> ServerStatus {
    ServerStatus {
        version: "1.2.3".into(),
        started_at: "2026-11-22T12:00:00Z".into(),
        uptime_seconds: 93_784,
        secrets: SecretsStatus { live: 3, views_today: 2, ..SecretsStatus::default() },
        boxes: 1,
        messages: 4,
        disk: DiskStatus {
            free_bytes: Some(5 << 30),
            used_bytes: Some(1 << 20),
            ..DiskStatus::default()
        },
        queues: QueueStatus { mails: 1, ..QueueStatus::default() },
        connections: 2,
        certificate_ends_at: None,
        ring_turned_at: Some("2026-11-22T11:00:00Z".into()),
        key_table_at: Some("2026-11-22T11:00:00Z".into()),
        warnings: vec![StatusWarning { code: WarningCode::NoMail, text: "Mails wait.".into() }],
        history: Vec::new(),
    }
}

fn answer(command: Command) -> Result<Reply, CommandError> {
    let at = UnixSeconds(951_827_696);
    let account = |name: &str, allowance, secrets| AccountRow {
        name: name.into(),
        allowance,
        secrets_total: secrets,
        secrets_usage: secrets,
        api_keys: 2,
        created_at: at,
    };
    Ok(match command {
        Command::CreateAccount { name, .. } if name == "taken" => {
            return Err(CommandError::new(ErrorKind::Conflict, "there is an account taken"));
        }
        Command::CreateAccount { name, .. } if name == "a b" => {
            return Err(CommandError::new(ErrorKind::Usage, "a name has no spaces"));
        }
        Command::CreateAccount { name, .. } => Reply::AccountCreated(AccountCreated {
            account: name,
            private_key: SecretText::new("private_key_1".into()),
            public_key: SecretText::new("public_key_2".into()),
        }),
        Command::ListAccounts => {
            Reply::Accounts(vec![account("default", 1_000_000, 12), account("björn", 5, 3)])
        }
        Command::DeleteAccount { name } => {
            Reply::AccountDeleted(AccountDeleted { account: name, secrets_burned: 7 })
        }
        Command::CreateApiKey { account, kind, name } => Reply::ApiKeyCreated(ApiKeyCreated {
            account,
            kind,
            id: "k1".into(),
            key: SecretText::new("public_key_3".into()),
            name,
        }),
        Command::RenameApiKey { id, name } => {
            Reply::ApiKeyRenamed(ApiKeyRenamed { id, account: "alice".into(), name })
        }
        Command::ListApiKeys { account } => Reply::ApiKeys(vec![ApiKeyRow {
            id: "k1".into(),
            account: account.unwrap_or("all".into()),
            kind: KeyKind::Public,
            created_at: at,
            name: Some("a page".into()),
            last_used_on: Some("2000-03-01".into()),
        }]),
        Command::SetNotifyEmail { account, email } => {
            Reply::NotifyEmailSet(NotifyEmailSet { account, email, mail_ready: Some(false) })
        }
        Command::SetDisplayName { account, display_name } => {
            Reply::DisplayNameSet(DisplayNameSet { account, display_name })
        }
        Command::ListOutbox { from } => Reply::Outbox(OutboxPage {
            entries: vec![OutboxRow {
                id: from + 4,
                kind: "viewed".into(),
                to: (from == 0).then(|| "a@example.org".into()),
                state: "waiting".into(),
                queued_at: at,
                next_at: Some(at),
                attempts: 2,
                error: Some("no".into()),
            }],
            next: (from == 0).then_some(7),
        }),
        Command::RetryOutbox { id } => {
            Reply::OutboxRetried(OutboxChanged { count: id.map_or(3, |_| 1) })
        }
        Command::DropOutbox { .. } => Reply::OutboxDropped(OutboxChanged { count: 1 }),
        Command::TestMail { to } => Reply::MailTested(MailTested { reply: format!("250 {to}") }),
        Command::RevokeApiKey { id } => {
            Reply::ApiKeyRevoked(ApiKeyRevoked { id, account: "alice".into() })
        }
        Command::CreateClaim { account } => Reply::ClaimCreated(ClaimCreated {
            account: account.unwrap_or("default".into()),
            link: SecretText::new("https://example.org/claim#1".into()),
            until: at,
        }),
        Command::TurnRing => Reply::RingTurned(RingTurned { turned_at: at.to_string() }),
        Command::ShowStatus => Reply::Status(Box::new(status())),
        Command::CheckHealth => Reply::Health(DaemonHealth { not_ready: None }),
        Command::DescribeServing
        | Command::CreateBackup { .. }
        | Command::AwaitRequest { .. }
        | Command::ShowAwaited
        | Command::TestMailLogin => {
            return Err(CommandError::new(ErrorKind::Failed, "only a running daemon is asked"));
        }
        Command::AddWebhook { account, url, .. } => Reply::WebhookAdded(WebhookAdded {
            id: "w1".into(),
            account,
            url,
            signing_key: SecretText::new("whsec_1".into()),
        }),
        Command::ListWebhooks { account } => Reply::Webhooks(vec![WebhookRow {
            id: "w1".into(),
            account: account.unwrap_or("all".into()),
            url: "https://example.org/hook?…".into(),
            events: vec![WebhookEventKind::SecretViewed, WebhookEventKind::RequestAnswered],
            created_at: at,
        }]),
        Command::RemoveWebhook { id } => {
            Reply::WebhookRemoved(WebhookRemoved { id, account: "alice".into() })
        }
        Command::TestWebhook { id } => Reply::WebhookTested(WebhookTested { id, status: 204 }),
    })
}
