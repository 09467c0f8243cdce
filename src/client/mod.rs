//! What a client of the two APIs does: the command line's own half of sealing, opening and handing over.
//! It knows the server by its address alone, as any other client does, and shows nothing to anybody:
//! words for people are the command line's.
//!
//! | module | what for |
//! |---|---|
//! | [`server`] | calls, what their failures mean, and trying again |
//! | [`proxy`] | the proxy that leads there |
//! | `refusal` | answers that are none of the good ones |
//! | [`link`] | the addresses that people hand on |
//! | [`secrets`] | the calls of the Secrets API |
//! | [`listed`] | what a sender sees of secrets |
//! | [`requests`] | the calls about secret requests |
//! | [`handover`], [`upload`] | a text with files, sealed and sent |
//! | [`download`] | files of a secret that was viewed |
//! | `transport` | connections: TLS, proxies, answers before the answer |
//! | `counted`, `resumed` | bytes on their way to the server, and from it over lines that break |
//! | [`boxes`] | the Key Service: boxes, what goes into them, and what comes out |
//! | [`captcha`] | the work that a secret may ask for before it is viewed |

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
mod refusal;
pub mod requests;
mod resumed;
pub mod secrets;
pub mod server;
mod transport;
pub mod upload;

pub use error::ClientError;
pub use server::{Dialect, Server, Watch, Way};
