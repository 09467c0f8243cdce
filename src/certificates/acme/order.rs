//! One certificate: the order, the proof that this server has the domain, and the result.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use zeroize::Zeroizing;

use super::AcmeError;
use crate::certificates::domains::DomainCertificates;

/// How the authority is asked for the result of its check: 0.25 seconds later, then less and less often.
const POLLING: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(90));

/// A certificate chain and its key, both PEM.
pub(super) struct IssuedCertificate {
    pub(super) chain: String,
    pub(super) key: Zeroizing<String>,
}

/// Orders a certificate for `domain`, which is proved by a challenge of the kind `proof` where the authority
/// offers it, and otherwise by the other kind.
pub(super) async fn order(
    account: &Account,
    certificates: &DomainCertificates,
    domain: &str,
    proof: ChallengeType,
) -> Result<IssuedCertificate, AcmeError> {
    let identifiers = [Identifier::Dns(domain.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    prove(&mut order, certificates, domain, proof).await?;
    let key = KeyPair::generate().map_err(|_| AcmeError::Key)?;
    let mut params = CertificateParams::new([domain.to_owned()]).map_err(|_| AcmeError::Key)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(|_| AcmeError::Key)?;
    order.finalize_csr(request.der()).await?;
    let chain = order.poll_certificate(&POLLING).await?;
    Ok(IssuedCertificate { chain, key: Zeroizing::new(key.serialize_pem()) })
}

async fn prove(
    order: &mut Order,
    certificates: &DomainCertificates,
    domain: &str,
    proof: ChallengeType,
) -> Result<(), AcmeError> {
    let mut answers = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let offers = |kind: &ChallengeType| {
            authorization.challenges.iter().any(|challenge| challenge.r#type == *kind)
        };
        let kinds = [proof.clone(), ChallengeType::TlsAlpn01, ChallengeType::Http01];
        let kind = kinds.into_iter().find(offers).ok_or(AcmeError::NoChallenge)?;
        let mut challenge = authorization.challenge(kind.clone()).ok_or(AcmeError::NoChallenge)?;
        let answer = challenge.key_authorization();
        answers.push(match kind {
            ChallengeType::Http01 => certificates.answer_http(&challenge.token, answer.as_str()),
            _ => certificates.answer_tls(domain, answer.digest().as_ref())?,
        });
        challenge.set_ready().await?;
    }
    let outcome = order.poll_ready(&POLLING).await;
    drop(answers);
    match outcome {
        Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
        outcome => Err(match refusal(order).await {
            Some(why) => AcmeError::Refused(why),
            None => outcome
                .err()
                .map_or(AcmeError::Refused("no reason is given".into()), AcmeError::from),
        }),
    }
}

/// What the authority says of a check that failed.
async fn refusal(order: &mut Order) -> Option<String> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.ok()?;
        let state = authorization.refresh().await.ok()?;
        let failed = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = failed {
            return Some(problem.detail.clone().unwrap_or_else(|| problem.to_string()));
        }
    }
    None
}
