//! `/api/public/secrets/<id>`: look, view and burn.

use std::sync::Arc;

use hyper::{
    Response, StatusCode,
    body::Incoming,
    header::{HeaderMap, RANGE},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{ApiError, App, Client, attachments::AttachmentForViewer},
    PublicData,
};
use crate::{
    api::{
        json_time::JsonTime,
        secrets::{
            late_tries,
            showing::{LeaseShown, SecretForViewer, check_password, lease_token, open},
            visitor,
        },
    },
    crypto::{hex, proof_of_work::Solved, random_array},
    domain::{
        limits::{captcha::CaptchaProof, client_net::ClientNet, try_limit::Try},
        numbers::{LeaseToken, SecretId},
        sealed_part::StoredAnswerKey,
        secret::{
            SecretError,
            viewing::{self, LateTry, Leased, Looked, Proofs, Visit},
        },
        view::View,
    },
    http::{
        body::read_json,
        body_budget::SMALL_BYTES,
        json_fields::{BodyFields as JsonBody, Field, JsonFields},
        response::{Body, json},
    },
};

const PASSWORD: Field =
    Field::text("password", "Required if the secret has one.").with_format("password");
const CAPTCHA: Field =
    Field::text("captcha", "The solution of a challenge, required if the secret asks for one.");
const LEASE: Field = Field::text(
    "lease",
    "A token that you choose, of 128 random bits or more. Keep it until the answer is complete: for a \
     minute, the same request with it returns the same secret again and spends no view. The server chooses \
     one if it is absent or empty.",
)
.with_pattern("^([A-Za-z0-9_-]{22,64})?$");
/// The body of `POST /api/public/secrets/<id>/view`.
pub(in crate::api) const VIEW: JsonBody =
    JsonBody { name: "ViewRequest", meaning: "", fields: &[LEASE, PASSWORD, CAPTCHA] };
pub(super) const GIVEN_LEASE: Field = Field::text("lease", "The token of the lease.")
    .with_pattern("^[A-Za-z0-9_-]{22,64}$")
    .required();
/// The body of `POST /api/public/secrets/<id>/burn`.
pub(in crate::api) const BURN: JsonBody =
    JsonBody { name: "BurnRequest", meaning: "", fields: &[GIVEN_LEASE] };

/// The data that a page needs before it spends a view.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecretPage")]
pub(in crate::api) struct ViewTerms {
    #[schemars(example = &"3vQB7B6MrGQZaxCuFg4oh1qX8Zy9Kd2")]
    id: String,
    /// Whether the page shows a button and the number of views first.
    view_button: bool,
    /// Whether the view needs a proof of work.
    captcha: bool,
    /// Whether the view needs a password.
    password: bool,
    /// The number of views that are left, including the next one.
    #[schemars(range(min = 1))]
    views_left: u8,
    /// Null if the secret does not expire.
    #[schemars(example = &"2026-11-23T12:00:00Z")]
    expires_at: Option<JsonTime>,
    /// The sender's text for viewers, if the sender wants it to be shown before the view. Null otherwise, also
    /// if the view returns one.
    message: Option<String>,
    /// The display name of the account that sent the secret. Null if it has none, and for a secret that was
    /// sent without an account.
    #[schemars(example = &"Alice")]
    sender: Option<String>,
    attachments: Vec<AttachmentForViewer>,
}

/// A secret, with a lease to fetch it again. `sjcl.decrypt(privateHalf + publicHalf, message)` decrypts it;
/// the link contains the public half.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LeasedSecret")]
pub(in crate::api) struct SeenWithLease {
    #[serde(flatten)]
    seen: SecretForViewer,
    attachments: Vec<AttachmentForViewer>,
    lease: LeaseShown,
    /// The key for a reply, if the sender allows one and there is none yet.
    reply_key: Option<String>,
}

/// The body of a view.
struct ViewRequest {
    password: Option<String>,
    captcha: Option<String>,
    token: String,
    lease: LeaseToken,
}

/// `GET /api/public/secrets/<id>`: a look, which never spends a view.
pub(in crate::api) async fn look(
    app: &Arc<App>,
    id: &str,
    client: Client,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let secret_id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let entry = visitor::entry(app, client, headers);
    let found = app.store.change(viewing::look(secret_id, entry.clone())).await;
    let found = found.map_err(ApiError::from);
    let late = LateTry { id: secret_id, visitor: entry, what: Visit::Look };
    let Looked { secret, message, sender, attachments } =
        visitor::note_too_late(app, client, late, found)?;
    let data = ViewTerms {
        id: id.to_owned(),
        view_button: secret.view_button,
        captcha: secret.captcha,
        password: secret.has_password,
        views_left: secret.max_views.get().saturating_sub(secret.view_times),
        expires_at: secret.expires_at.map(JsonTime),
        message,
        sender,
        attachments: AttachmentForViewer::all(attachments),
    };
    Ok(json(StatusCode::OK, &PublicData { data }))
}

/// `POST /api/public/secrets/<id>/view`: spends a view, or uses a live lease.
pub(in crate::api) async fn view(
    app: &Arc<App>,
    id: &str,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    if headers.contains_key(RANGE) {
        return Err(ApiError::NoRanges);
    }
    let secret_id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let request = ViewRequest::read(app, client, headers, body).await?;
    let mut entry = visitor::entry(app, client, headers);
    let leased = spend(app, secret_id, client, &request, &mut entry).await;
    let now = entry.at;
    let what = Visit::WithLease(request.lease);
    let late = LateTry { id: secret_id, visitor: entry, what };
    let leased = visitor::note_too_late(app, client, late, leased)?;
    app.deliveries.wake_for_new(&app.store);
    let Leased { payload, message, ends_at, attachments, reply_key } = leased;
    let reply_key = reply_key.map(StoredAnswerKey::into_text);
    let lease = LeaseShown::new(request.token, ends_at, now);
    let attachments = AttachmentForViewer::all(attachments);
    let answer =
        move |seen| PublicData { data: SeenWithLease { seen, attachments, lease, reply_key } };
    open(id, secret_id, payload, message, answer).await
}

/// `POST /api/public/secrets/<id>/burn`: ends a lease early.
pub(in crate::api) async fn burn(
    app: &Arc<App>,
    id: &str,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let secret_id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let body = read_json(headers, body, SMALL_BYTES, &app.load.body_budget.anybody(client)).await?;
    let fields = JsonFields::parse(body.bytes(), BURN.fields)?;
    let token =
        fields.string(&GIVEN_LEASE)?.ok_or_else(|| ApiError::field(LEASE.name, "is required"))?;
    let token = lease_token(token)?;
    if app.late_tries.holds(secret_id) {
        // The earlier attempts must precede the burn in the log.
        late_tries::write(app).await;
    }
    let entry = visitor::entry(app, client, headers);
    let keep_log = app.rules.keep_log_seconds;
    let burned = app.store.change(viewing::burn(secret_id, entry.clone(), token, keep_log)).await;
    let burned = burned.map_err(ApiError::from);
    let late = LateTry { id: secret_id, visitor: entry, what: Visit::WithLease(token) };
    visitor::note_too_late(app, client, late, burned)?;
    Ok(json(StatusCode::OK, &PublicData { data: () }))
}

impl ViewRequest {
    async fn read(
        app: &App,
        client: Client,
        headers: &HeaderMap,
        body: &mut Incoming,
    ) -> Result<Self, ApiError> {
        let body =
            read_json(headers, body, SMALL_BYTES, &app.load.body_budget.anybody(client)).await?;
        let fields = JsonFields::parse(body.bytes(), VIEW.fields)?;
        let given = |field| fields.string(field).map(|text| text.map(str::to_owned));
        let token = given(&LEASE)?.unwrap_or_else(|| hex(&random_array::<16>(&*app.random)));
        let filled = |text: &String| !text.is_empty();
        Ok(Self {
            password: given(&PASSWORD)?.filter(filled),
            captcha: given(&CAPTCHA)?.filter(filled),
            lease: lease_token(&token)?,
            token,
        })
    }
}

/// Returns the secret of a live lease, or spends a view. Only the proofs that the secret needs are
/// requested.
///
/// A captcha is checked before the password. It is used up just before the password is checked, or with the
/// view if the secret has no password. So each guess costs one captcha, and a viewer who has only forgotten
/// to send the password can use the captcha again.
async fn spend(
    app: &Arc<App>,
    id: SecretId,
    client: Client,
    request: &ViewRequest,
    entry: &mut View,
) -> Result<Leased, ApiError> {
    let spend = |entry: &View, proofs| {
        let keep_log = app.rules.keep_log_seconds;
        let lease = request.lease;
        app.store.change(viewing::view_with_lease(id, entry.clone(), lease, proofs, keep_log))
    };
    let (is_asked, password) = match spend(entry, Proofs::default()).await {
        Err(SecretError::CaptchaNeeded(password)) => (true, password),
        Err(SecretError::PasswordNeeded(password)) => (false, Some(password)),
        outcome => return outcome?.ok_or(ApiError::NotFound),
    };
    let given = match (&password, request.password.as_deref()) {
        (Some(needed), None) => return Err(SecretError::PasswordNeeded(needed.clone()).into()),
        (needed, given) => needed.clone().zip(given),
    };
    let solved = match (is_asked, request.captcha.as_deref()) {
        (false, _) => None,
        (true, None) => return Err(SecretError::CaptchaNeeded(None).into()),
        (true, Some(payload)) => Some(check_captcha(app, client, payload).await?),
    };
    let mut tried: Option<Try<'_, ClientNet>> = None;
    let mut captcha = solved.map(CaptchaProof::Unused);
    if let Some((needed, given)) = given {
        tried = Some(check_password(app, id, client, needed, given, solved).await?);
        captcha = solved.map(|_| CaptchaProof::Used);
    }
    // The checks may have taken time.
    entry.at = app.clock.now();
    let leased = spend(entry, Proofs { password, captcha }).await;
    if let Some(tried) = tried {
        tried.right();
    }
    leased?.ok_or(ApiError::NotFound)
}

/// Checks a captcha without using it up. It has its own queue, so that passwords do not delay captchas.
async fn check_captcha(app: &Arc<App>, client: Client, payload: &str) -> Result<Solved, ApiError> {
    let (checker, payload) = (Arc::clone(app), payload.to_owned());
    let turn = app.load.slow_work.proofs.turn(client.net()).await?;
    let check =
        move || checker.attempts.captchas.check(&checker.store, &payload, checker.clock.now());
    Ok(turn.run(check).await??)
}
