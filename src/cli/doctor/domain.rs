//! The domains of the daemon: whether they point here, and their ports are open.

use url::Url;

use super::{
    finding::{Diagnosis, DoctorCheck},
    outside::{OutsideClient, is_open},
    public::PublicExamination,
};
use crate::{admin::ServingFacts, cli::Failure};

/// The addresses of a domain that are tried.
const MAX_ADDRESSES: usize = 4;

impl PublicExamination<'_> {
    /// Whether a domain points here, and its ports are open.
    pub(super) async fn domain(
        &self,
        domain: &str,
        facts: &ServingFacts,
        diagnosis: &mut Diagnosis,
    ) -> Result<(), Failure> {
        let check = DoctorCheck::Domain;
        let Ok(url) = Url::parse(&format!("https://{domain}/health")) else { return Ok(()) };
        let addresses = match OutsideClient::addresses(&url).await {
            Ok(addresses) => addresses,
            Err(error) => {
                let remedy = "Add A and AAAA records with the addresses of this machine to DNS.";
                diagnosis.find(check, format!("{domain}: {error}."), remedy);
                return Ok(());
            }
        };
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            let mut ports = vec![443];
            ports.extend(facts.has_redirect.then_some(80));
            let mut is_closed = false;
            for port in ports {
                let mut at_port = address;
                at_port.set_port(port);
                if !is_open(at_port).await {
                    is_closed = true;
                    let problem = format!("{domain}: nothing answers at {at_port}.");
                    let remedy = format!(
                        "Open port {port} in the firewall and the router, or correct the DNS records of {domain}."
                    );
                    diagnosis.find(check, problem, remedy);
                }
            }
            if is_closed {
                continue;
            }
            // A wrong certificate is reported for the public URL; here it is missing at worst.
            if let Ok((_, None)) = self.ask(&url, Some(address), None).await? {
                let problem =
                    format!("{domain} points to {}, where another server answers.", address.ip());
                let remedy =
                    format!("Correct the DNS records of {domain}, or the rules of the router.");
                diagnosis.find(check, problem, remedy);
            }
        }
        Ok(())
    }
}
