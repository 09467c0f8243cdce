//! The client of the two APIs: sealing, opening and sending for the command line. It knows the server only
//! by its address, as any other client does, and prints nothing; texts for users are in the command line.
//!
//! | module | what for |
//! |---|---|
//! | [`server`] | calls, the meaning of their failures, and retries |
//! | [`proxy`] | the proxy to the server |
//! | `refusal` | answers that report an error |
//! | [`link`] | links of secrets, requests and boxes, and status links |
//! | [`secrets`] | the calls of the Secrets API |
//! | [`listed`] | secrets in the list of their sender |
//! | [`requests`] | the calls about secret requests |
//! | [`answers`] | answers and replies that only one person can open |
//! | [`api_keys`] | the calls about the API keys of an account |
//! | [`handover`], [`upload`] | sealing and sending a text with files |
//! | [`download`] | the files of a secret that was viewed |
//! | `transport` | connections: TLS, proxies, informational answers |
//! | `counted`, `resumed` | uploads with progress, and downloads that continue after a broken connection |
//! | [`boxes`] | the Key Service: boxes, and sending and reading messages |
//! | [`captcha`] | the proof of work that a secret may require before a view |

pub mod answers;
pub mod api_keys;
pub mod boxes;
pub mod captcha;
mod counted;
pub mod download;
pub mod error;
pub mod handover;
pub mod link;
mod link_parts;
pub mod listed;
pub mod proxy;
mod readable_text;
mod refusal;
pub mod requests;
mod resumed;
pub mod secrets;
pub mod server;
mod status_link;
mod transport;
pub mod upload;

pub use error::ClientError;
pub use server::{Dialect, ServerClient, Watch, Way};
