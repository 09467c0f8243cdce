//! The lane of mails: mails are written at the moment they are sent, and go to the operator's server.

use std::sync::Arc;

use super::{DeliveryContext, attempt::DeliveryOutcome, lane::Courier};
use crate::{
    delivery::smtp::{Facts, Mail, MailKind, Mailer, SendError},
    domain::{
        drop_box,
        notify::{
            self,
            outbox::{Letter, Outgoing, OutgoingContent, SealedLinkHalf},
        },
        numbers::{Lane, OutboxNumber},
        request::{self, RequestError},
        text::Text,
    },
    store::{FoundPayload, StoreError},
};

pub(super) struct MailCourier {
    context: Arc<DeliveryContext>,
}

/// Why there is no mail to send.
enum NoMail {
    Pointless,
    Failed(String),
    Never(String),
}

impl MailCourier {
    pub(super) fn new(context: Arc<DeliveryContext>) -> Self {
        Self { context }
    }
}

impl Courier for MailCourier {
    const LANE: Lane = Lane::Mail;
    /// The largest number of connections to the server.
    const PLACES: usize = 4;
    const WHAT: &'static str = "a mail";
    const IS_ONE_SERVER: bool = true;

    async fn deliver(
        &self,
        number: OutboxNumber,
        outgoing: Outgoing,
        payload: Option<FoundPayload>,
    ) -> DeliveryOutcome {
        let context = Arc::clone(&self.context);
        // Opens the payload, reads records, renders templates.
        let written = tokio::task::spawn_blocking(move || {
            let Some(mailer) = context.deliveries.mailer() else { return Ok(None) };
            write(&context, &mailer, number, &outgoing, payload).map(Some)
        });
        let mail = match written.await {
            Ok(Ok(Some(mail))) => mail,
            Ok(Ok(None)) => {
                return DeliveryOutcome::Down("mail is not set up: smtp_url is missing".into());
            }
            Ok(Err(NoMail::Pointless)) => return DeliveryOutcome::Pointless,
            Ok(Err(NoMail::Failed(error))) => return DeliveryOutcome::Later(error),
            Ok(Err(NoMail::Never(error))) => return DeliveryOutcome::Never(error),
            Err(error) => {
                tracing::error!(%error, "writing a mail failed unexpectedly");
                return DeliveryOutcome::Later(
                    "writing it failed unexpectedly: see the log of the daemon".into(),
                );
            }
        };
        let Some(mailer) = self.context.deliveries.mailer() else {
            return DeliveryOutcome::Pointless;
        };
        match mailer.server.send(&mail).await {
            Ok(_) => DeliveryOutcome::Delivered,
            Err(SendError::Down(error)) => DeliveryOutcome::Down(error),
            Err(SendError::Later(error)) => DeliveryOutcome::Later(error),
            Err(SendError::Never(error)) => DeliveryOutcome::Never(error),
        }
    }

    fn try_now(&self) {}

    fn holds(&self) -> bool {
        self.context.deliveries.mailer().is_some_and(|mailer| mailer.server.holds_connections())
    }

    async fn rest(&self, is_end: bool) {
        if let Some(mailer) = self.context.deliveries.mailer() {
            mailer.server.rest(is_end).await;
        }
    }
}

fn write(
    context: &DeliveryContext,
    mailer: &Mailer,
    number: OutboxNumber,
    outgoing: &Outgoing,
    payload: Option<FoundPayload>,
) -> Result<Mail, NoMail> {
    let OutgoingContent::Mail { to, language, letter } = &outgoing.content else {
        return Err(NoMail::Never("it is not a mail".to_owned()));
    };
    let facts = Facts::new(mailer.site(), outgoing.queued_at);
    let (kind, mut facts) = match letter {
        Letter::Request { request } => {
            // A request that has ended needs no mail.
            let found = request::look(&context.store, request, context.clock.now())?;
            let message = found.texts.message.map(Text::into_string);
            let mut facts = facts.message(message.as_deref());
            facts.link = Some(format!("{}/req/{request}", mailer.site()));
            (MailKind::Request, facts)
        }
        Letter::Secret { secret } | Letter::SelfDestruct { secret } => {
            let kind = match letter {
                Letter::Secret { .. } => MailKind::Secret,
                _ => MailKind::SelfDestruct,
            };
            let mut facts = facts;
            let (id, public) = (context.ids.text(secret), opened(payload)?.password_part_public);
            facts.link = Some(format!("{}/{id}/#{public}", mailer.site()));
            (kind, facts)
        }
        Letter::Viewed { secret, view } | Letter::TriedAfter { secret, view } => {
            let kind = match letter {
                Letter::Viewed { .. } => MailKind::Viewed,
                _ => MailKind::TriedAfter,
            };
            let description = notify::description(&context.store, *secret)?;
            let facts = Facts::new(mailer.site(), view.at)
                .secret(context.ids.text(secret), description.as_deref())
                .viewer(view.address, view.agent.as_deref());
            (kind, facts)
        }
        Letter::BoxMessage { drop_box, at } => {
            let id = drop_box::box_id(&context.store, *drop_box)?.ok_or(NoMail::Pointless)?;
            let token = context.ids.token(&id);
            // Enough to distinguish the boxes of an owner, too little to send to one.
            let start = token.get(..8);
            (MailKind::BoxMessage, Facts::new(mailer.site(), *at).drop_box(start))
        }
    };
    if let Some(subscriber) = letter.subscriber() {
        let wanted =
            notify::subscription(&context.store, subscriber, to)?.ok_or(NoMail::Pointless)?;
        let token = context.ids.unsubscribe(&wanted);
        facts.unsubscribe = Some(format!("{}/api/public/unsubscribe/{token}", mailer.site()));
    }
    let name = context.ids.message_name(number);
    mailer.write(kind, *language, &facts, to, &name, context.clock.now()).map_err(|error| {
        match error {
            crate::delivery::smtp::Unwritable::Address => NoMail::Never(error.to_string()),
            _ => {
                tracing::error!(outbox = number.0, %error, "a mail cannot be written");
                NoMail::Failed(error.to_string())
            }
        }
    })
}

/// The sealed payload. If it is gone, a crash happened after its key was wiped and before its record was
/// deleted: the item was delivered, dropped or given up.
fn opened(payload: Option<FoundPayload>) -> Result<SealedLinkHalf, NoMail> {
    let payload = payload.ok_or(NoMail::Pointless)?.open(SealedLinkHalf::CONTEXT)?;
    let sealed = SealedLinkHalf::from_payload(&payload);
    sealed.ok_or_else(|| NoMail::Never("the sealed payload is not a letter".to_owned()))
}

impl From<RequestError> for NoMail {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Store(error) => error.into(),
            _ => Self::Pointless,
        }
    }
}

impl From<StoreError> for NoMail {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store could not answer");
        Self::Failed("the store could not answer: see the log of the daemon".to_owned())
    }
}
