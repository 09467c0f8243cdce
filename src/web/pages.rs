//! The list of pages, and their rendering.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value, context};
use serde::Serialize;

use super::{
    embedded,
    look::PageLook,
    translations::{self, Translation},
};
use crate::{locales::Direction, user_agent::TABLE};

/// The background of the dark pages, as in `css/site.css`: browsers draw their own bars in it.
const DARK_PAGE: &str = "#12161c";

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Page {
    /// `/`: creates a secret.
    Create,
    /// `/<id>/`, `/?<id>`: shows a secret.
    View,
    /// `/ask`: creates a secret request.
    Ask,
    /// `/req/<id>`: answers a secret request.
    Request,
    /// `/req/<id>/status`: shows a secret request and its answers to its requester.
    RequestStatus,
    /// `/status/<id>`: shows the status of a secret to its sender.
    Status,
    /// `/box`, `/box/<token>`: boxes.
    Box,
    /// `/claim`: signs a browser in to an account.
    Claim,
    /// `/manage`: an account.
    Manage,
    /// `/docs`: the APIs.
    Docs,
    /// `/share`, if data that was shared arrives at the server.
    Share,
    /// Any other path.
    NotFound,
}

impl Page {
    pub(super) const ALL: [Self; 12] = [
        Self::Create,
        Self::View,
        Self::Ask,
        Self::Request,
        Self::RequestStatus,
        Self::Status,
        Self::Box,
        Self::Claim,
        Self::Manage,
        Self::Docs,
        Self::Share,
        Self::NotFound,
    ];

    /// The name of its module and texts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::View => "view",
            Self::Ask => "ask",
            Self::Request => "request",
            Self::RequestStatus => "request_status",
            Self::Status => "status",
            Self::Box => "box",
            Self::Claim => "claim",
            Self::Manage => "manage",
            Self::Docs => "docs",
            Self::Share => "share",
            Self::NotFound => "not_found",
        }
    }

    /// The name of its template. Pages that a script fills with a form have the same one.
    fn template(self) -> String {
        match self {
            Self::Create
            | Self::Ask
            | Self::Request
            | Self::RequestStatus
            | Self::Status
            | Self::Claim => "form.html".to_owned(),
            _ => format!("{}.html", self.name()),
        }
    }

    /// The groups of texts that its scripts need, besides `common` and its own.
    fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Create => &[
                "files", "shown", "send", "link", "receiver", "made", "password", "log", "damaged",
                "share",
            ],
            Self::Ask => &["create", "files", "send", "link", "password"],
            Self::RequestStatus => &["status", "send", "link", "password"],
            Self::Request => &["files", "shown", "send", "link", "receiver", "password", "log"],
            Self::Manage => &["create", "files", "send", "link", "receiver", "password", "log"],
            Self::View => &["files", "shown", "password", "reply"],
            Self::Status => &["create", "link", "log", "send", "password"],
            Self::Box => &["files", "shown", "link", "password"],
            Self::Claim => &["link", "send"],
            Self::NotFound => &["damaged"],
            Self::Docs | Self::Share => &[],
        }
    }

    /// Whether it shows files of its user: before they are sent, or after they were opened.
    pub(super) fn shows_files(self) -> bool {
        matches!(self, Self::Create | Self::View | Self::Request | Self::Box)
    }

    /// The relative paths to the root from the paths of the page.
    pub(super) fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::Ask | Self::Claim | Self::Manage | Self::Docs | Self::Share => {
                &["./"]
            }
            Self::View | Self::Box => &["./", "../"],
            Self::Request | Self::Status => &["../"],
            Self::RequestStatus => &["../../"],
            Self::NotFound => &["./", "../", "../../", "../../../"],
        }
    }
}

/// The settings of the server that scripts need, without a request for them.
#[derive(Clone, Debug, Serialize)]
pub struct PublicConfig {
    /// Who may create secrets: `open` or `account`.
    pub create: &'static str,
    /// Who may create boxes: `open`, `account` or `off`.
    pub boxes: &'static str,
    /// The lifetimes of secrets, in hours.
    pub expiration: PublicExpiration,
    /// The longest ciphertext, in characters of base64.
    pub max_ciphertext: usize,
    /// The longest file, in bytes; `None` without a limit.
    pub max_upload: Option<u64>,
    /// How many files a secret may have.
    pub max_attachments: u8,
}

/// The lifetimes of secrets, in hours.
#[derive(Clone, Debug, Serialize)]
pub struct PublicExpiration {
    /// The shortest.
    pub min: u64,
    /// The longest.
    pub max: u64,
    /// The default; 0 for no expiry.
    pub default: u64,
}

/// Renders pages.
pub(super) struct Renderer {
    environment: Environment<'static>,
    look: PageLook,
    config: PublicConfig,
    version: String,
    agents: serde_json::Value,
}

impl Renderer {
    pub(super) fn new(look: PageLook, config: PublicConfig, version: String) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for &(name, template) in embedded::TEMPLATES {
            environment.add_template(name, template).expect("a test fills in each page");
        }
        environment.add_function("t", |state: &State<'_, '_>, key: &str| {
            let text = state.lookup("texts").and_then(|texts| texts.get_attr(key).ok());
            text.filter(|text| !text.is_undefined()).ok_or_else(|| {
                Error::new(ErrorKind::UndefinedError, format!("{key} is not translated"))
            })
        });
        let agents = serde_json::from_str(TABLE).expect("a test reads the table");
        Self { environment, look, config, version, agents }
    }

    /// The look of the pages.
    pub(super) fn look(&self) -> &PageLook {
        &self.look
    }

    /// One page, as HTML.
    pub(super) fn render(
        &self,
        page: Page,
        root: &str,
        language: &Translation,
    ) -> Result<String, Error> {
        let name = page.name();
        let module = format!("js/{name}/main.js");
        let languages: Vec<_> = translations::all()
            .iter()
            .map(|language| {
                let texts = language.server_texts();
                context! {
                    tag => language.tag(),
                    name => texts.name,
                    is_rtl => texts.direction == Direction::Rtl,
                }
            })
            .collect();
        let mut groups = vec!["common", "error", name];
        groups.extend(page.groups());
        let data = ScriptData {
            lang: language.tag(),
            page: name,
            name: &self.look.site.name,
            config: &self.config,
            messages: language.groups(&groups),
            agents: groups.contains(&"log").then_some(&self.agents),
        };
        let data = serde_json::to_string(&data).expect("strings and numbers");
        // JSON in HTML must not end its element.
        let data = data.replace('<', "\\u003c");
        let site = &self.look.site;
        let links: Vec<_> = site
            .links
            .iter()
            .map(|link| context! { name => link.name, url => link.link.as_str() })
            .collect();
        let template = self.environment.get_template(&page.template())?;
        template.render(context! {
            page => name,
            dark => DARK_PAGE,
            root => ours(root),
            assets => ours(&format!("assets/{}", self.version)),
            imports => embedded::imports(&module).into_iter().map(ours).collect::<Vec<_>>(),
            module => ours(&module),
            lang => language.tag(),
            is_rtl => language.server_texts().direction == Direction::Rtl,
            languages => languages,
            texts => language.texts(),
            data => Value::from_safe_string(data),
            site => context! {
                name => site.name,
                logo => self.look.logo.as_ref().map(|logo| ours(&logo.path())),
                css => self.look.css_path().map(|path| ours(&path)),
                color => site.color.to_string(),
                imprint => site.imprint.as_ref().map(|link| link.as_str()),
                privacy => site.privacy.as_ref().map(|link| link.as_str()),
                links => links,
                text => site.text,
            },
            boxes => self.config.boxes,
        })
    }
}

impl Renderer {
    /// The page that the worker of the app shows without a connection, as HTML.
    pub(super) fn offline(&self, language: &Translation) -> Result<String, Error> {
        self.environment.get_template("offline.html")?.render(context! {
            lang => language.tag(),
            is_rtl => language.server_texts().direction == Direction::Rtl,
            texts => language.texts(),
        })
    }
}

/// A path of this server, which needs no escaping.
fn ours(path: &str) -> Value {
    Value::from_safe_string(path.to_owned())
}

/// The data in the page for its scripts.
#[derive(Serialize)]
struct ScriptData<'a> {
    lang: &'a str,
    page: &'a str,
    name: &'a str,
    config: &'a PublicConfig,
    messages: BTreeMap<&'a str, &'a str>,
    /// Names of browsers and systems, for pages that list viewers.
    agents: Option<&'a serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_can_be_rendered_in_every_language() {
        let expiration = PublicExpiration { min: 1, max: 720, default: 168 };
        let config = PublicConfig {
            create: "open",
            boxes: "open",
            expiration,
            max_ciphertext: 1,
            max_upload: None,
            max_attachments: 1,
        };
        let renderer = Renderer::new(PageLook::default(), config, "version".to_owned());
        for language in translations::all() {
            let start = match language.server_texts().direction {
                Direction::Ltr => format!("<!DOCTYPE html>\n<html lang=\"{}\">", language.tag()),
                Direction::Rtl => {
                    format!("<!DOCTYPE html>\n<html lang=\"{}\" dir=\"rtl\">", language.tag())
                }
            };
            for page in Page::ALL {
                let html = renderer.render(page, page.roots()[0], language).unwrap();
                assert!(html.starts_with(&start), "{page:?} {html:.200}");
                // The page has the texts of its own language only.
                for other in translations::all() {
                    let key = "receiver.intro";
                    let is_there = html.contains(&other.texts()[key]);
                    assert!(!is_there || other.tag() == language.tag(), "{page:?} {}", other.tag());
                }
            }
        }
    }
}
