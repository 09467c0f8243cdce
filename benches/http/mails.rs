//! Accounts with notifications of views, and the waiting mails and webhook calls; created without HTTP,
//! while no daemon runs.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    thread,
};

use crate::fill::{NewSecrets, wait_all};
use sealdrop::{
    clock::{Clock, UnixSeconds},
    crypto::SystemRandom,
    domain::{
        account::api_key::{ApiKeys, AskedBy},
        notify::{
            self,
            event::WebhookEventKind,
            mailbox::Mailbox,
            outbox,
            webhook::{self, WebhookUrl},
        },
        numbers::{AccountNumber, LeaseToken, OutboxNumber, SecretId},
        operator,
        secret::{self, SecretError},
        view::View,
    },
    store::{PendingChange, Store},
};

/// Five views in an hour are five mails, the limit for one address.
pub(crate) const BETWEEN_VIEWS_SECONDS: u64 = 720;
/// A day and more: longer than any bench.
const KEEP_LOG_SECONDS: u64 = 90 * 86_400;
/// The number of threads that share commits while accounts are created.
const THREADS: usize = 32;

/// An account with secrets that can be viewed once.
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) private_key: String,
    pub(crate) account: AccountNumber,
    pub(crate) secrets: Vec<SecretId>,
}

/// Creates `count` accounts, named by `prefix` and a number.
pub(crate) fn owners(store: &Store, prefix: &str, count: usize) -> Vec<Owner> {
    let now = Clock::system(store.time()).now();
    let names: Vec<String> = (0..count).map(|number| format!("{prefix}-{number}")).collect();
    let made = in_threads(&names, |name| {
        let random = SystemRandom;
        let keys = operator::create_account(store, name, 1_000_000, &random, now);
        keys.expect("an account").private_key.expose_secret().to_owned()
    });
    let known = ApiKeys::load(store).expect("the keys");
    let owners = names.into_iter().zip(made).map(|(name, private_key)| {
        let account = known.find(private_key.as_bytes()).expect("its key").account;
        Owner { name, private_key, account, secrets: Vec::new() }
    });
    owners.collect()
}

/// Creates `each` secrets of `bytes` bytes for each account.
pub(crate) fn give_secrets(store: &Store, owners: &mut [Owner], each: usize, bytes: usize) {
    let (secrets, now) = (NewSecrets::new(store, bytes), Clock::system(store.time()).now());
    let accounts: Vec<AccountNumber> = owners.iter().map(|owner| owner.account).collect();
    let changes = (0..each)
        .flat_map(|_| accounts.iter())
        .map(|account| store.change(secret::create(*account, secrets.one(), now)));
    let mut made = Vec::new();
    wait_all(changes, |(number, secret, _)| made.push(secret.id(number)));
    for (owner, first) in owners.iter_mut().zip(0..) {
        owner.secrets.extend(made.iter().skip(first).step_by(accounts.len()));
    }
}

/// From now on each account gets a mail, at a different address, when a secret is viewed.
pub(crate) fn notify(store: &Store, owners: &[Owner]) {
    in_threads(owners, |Owner { name, account, .. }| {
        let email = Mailbox::new(&format!("{name}@example.org")).expect("an address");
        notify::set_email(store, *account, Some(email), &SystemRandom).expect("an account");
    });
}

/// From now on `webhook` is called when one of their secrets is viewed.
pub(crate) fn call(store: &Store, owners: &[Owner], webhook: SocketAddr) {
    let (kinds, now) = ([WebhookEventKind::SecretViewed], Clock::system(store.time()).now());
    let url = WebhookUrl::parse(&format!("http://{webhook}/hook"), true).expect("a URL");
    in_threads(owners, |Owner { account, .. }| {
        webhook::add(store, *account, &url, &kinds, AskedBy::Operator, &SystemRandom, now)
            .expect("a webhook");
    });
}

/// One view, like that of a browser with a long user agent. Returns whether it returned the secret.
pub(crate) fn view(
    store: &Store,
    account: AccountNumber,
    secret: SecretId,
    at: UnixSeconds,
) -> PendingChange<bool, SecretError> {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let view = View::new(at, Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))), Some(agent));
    // Only needed for attachments.
    let lease = LeaseToken::new("the-token-of-a-bench-view").expect("a token");
    let view = secret::viewing::view(account, secret, view, None, lease, KEEP_LOG_SECONDS);
    store.change(move |transaction| Ok(view(transaction)?.is_some()))
}

/// Views all secrets of all accounts, the last ones now.
pub(crate) fn view_all(store: &Store, owners: &[Owner]) {
    let now = Clock::system(store.time()).now();
    let most = owners.iter().map(|owner| owner.secrets.len()).max().unwrap_or(0);
    let views = (0..most).flat_map(|round| {
        let ago = u64::try_from(most - round).unwrap_or(0) * BETWEEN_VIEWS_SECONDS;
        let at = UnixSeconds(now.0.saturating_sub(ago));
        owners.iter().filter_map(move |owner| {
            Some(view(store, owner.account, *owner.secrets.get(round)?, at))
        })
    });
    wait_all(views, |viewed| assert!(viewed, "a view returns the secret"));
}

/// The number of items in the outbox.
pub(crate) fn waiting(store: &Store) -> usize {
    outbox::list(store, OutboxNumber(0), usize::MAX).expect("a list").0.len()
}

/// Copies a data directory that is not open.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => copy(&entry.path(), &target)?,
            kind if kind.is_file() => drop(fs::copy(entry.path(), target)?),
            // Sockets are created again.
            _ => {}
        }
    }
    Ok(())
}

fn in_threads<A: Sync, B: Send>(all: &[A], work: impl Fn(&A) -> B + Sync) -> Vec<B> {
    let parts = all.chunks(all.len().div_ceil(THREADS).max(1));
    thread::scope(|scope| {
        let threads: Vec<_> =
            parts.map(|part| scope.spawn(|| part.iter().map(&work).collect::<Vec<B>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}
