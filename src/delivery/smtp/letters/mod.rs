//! The texts of mails: templates with placeholders, built in or the operator's own.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs, path::Path};

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::text::{one_line, quoted};
use crate::{
    clock::UnixSeconds,
    domain::notify::language::Language,
    locales::{Direction, LOCALES, server_texts},
    user_agent::UserAgent,
};

/// The HTML page around the texts.
const LAYOUT: &str = "layout.html";
const BUILT_IN_LAYOUT: &str = include_str!("layout.html");
/// The start of the first line of each text.
const SUBJECT: &str = "Subject: ";
/// The longest text of an operator, in bytes.
const MAX_TEMPLATE_BYTES: u64 = 64 << 10;

/// The kind of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// A requester asks for a secret.
    Request,
    /// The link of a secret made through a request.
    Secret,
    /// A message of the Key Service that can be opened once.
    SelfDestruct,
    /// A secret was viewed.
    Viewed,
    /// A late attempt to view a secret.
    TriedAfter,
    /// A box received a message.
    BoxMessage,
    /// A test of the mail settings.
    Test,
}

/// The values of the placeholders. All texts can use all of them; values that a mail does not have are
/// `none`. Text of API callers is made harmless here, whatever a template does with it.
#[derive(Clone, Default, Serialize)]
pub struct Facts {
    site: String,
    at: String,
    /// A complete link of this daemon.
    pub link: Option<String>,
    message: Option<String>,
    secret: Option<String>,
    description: Option<String>,
    address: Option<String>,
    #[serde(skip)]
    client: Option<UserAgent>,
    /// The client in the language of the mail.
    agent: Option<String>,
    drop_box: Option<String>,
    /// The complete unsubscribe link for notifications of this kind.
    pub unsubscribe: Option<String>,
}

/// The rendered texts of a mail.
pub struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// Why a text cannot be rendered. For the operator: names file and line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadTemplate(String);

/// All texts as parsed templates.
pub struct Letters {
    environment: Environment<'static>,
    subjects: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct LetterHtml<'a> {
    language: &'static str,
    is_rtl: bool,
    subject: &'a str,
    paragraphs: Vec<Vec<Line<'a>>>,
}

#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    /// Whether the value is a link of this daemon.
    is_link: bool,
}

impl MailKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Request,
        Self::Secret,
        Self::SelfDestruct,
        Self::Viewed,
        Self::TriedAfter,
        Self::BoxMessage,
        Self::Test,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Secret => "secret",
            Self::SelfDestruct => "self_destruct",
            Self::Viewed => "viewed",
            Self::TriedAfter => "tried_after",
            Self::BoxMessage => "box_message",
            Self::Test => "test",
        }
    }

    fn file(self, language: Language) -> String {
        format!("{}.{}.txt", self.name(), language.tag())
    }

    /// Whether this kind has [`Facts::link`].
    fn has_link(self) -> bool {
        matches!(self, Self::Request | Self::Secret | Self::SelfDestruct)
    }

    /// Whether this kind has [`Facts::unsubscribe`].
    fn is_notification(self) -> bool {
        matches!(self, Self::Viewed | Self::TriedAfter | Self::BoxMessage)
    }
}

impl Facts {
    /// The values that all mails have: the address of this daemon, and the time of the event.
    #[must_use]
    pub fn new(site: &str, at: UnixSeconds) -> Self {
        let at = at.to_string().replace('T', " ").replace('Z', " UTC");
        Self { site: site.to_owned(), at, ..Self::default() }
    }

    /// Adds the message of the requester.
    #[must_use]
    pub fn message(mut self, text: Option<&str>) -> Self {
        self.message = text.map(quoted).filter(|text| !text.is_empty());
        self
    }

    /// Adds a secret's id and the description by its owner.
    #[must_use]
    pub fn secret(mut self, id: String, description: Option<&str>) -> Self {
        self.secret = Some(id);
        self.description = description.map(one_line).filter(|text| !text.is_empty());
        self
    }

    /// Adds the client of the event; of `agent`, a `User-Agent`, only known names reach the mail.
    #[must_use]
    pub fn viewer(mut self, address: Option<std::net::IpAddr>, agent: Option<&str>) -> Self {
        self.address = address.map(|address| address.to_string());
        self.client = agent.filter(|text| !text.trim().is_empty()).map(UserAgent::of);
        self
    }

    /// Adds the beginning of a box's token.
    #[must_use]
    pub fn drop_box(mut self, token: Option<&str>) -> Self {
        self.drop_box = token.map(one_line);
        self
    }
}

impl Letters {
    /// The built-in texts, replaced by those in `dir`; each is tested.
    ///
    /// # Errors
    ///
    /// The fault of an operator's text, with its file and line.
    pub fn load(dir: Option<&Path>) -> Result<Self, String> {
        let mut texts = built_in();
        if let Some(dir) = dir {
            read_over(dir, &mut texts)?;
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        let mut subjects = BTreeMap::new();
        for (name, text) in texts {
            let text = match name.as_str() {
                LAYOUT => text,
                _ => {
                    let (subject, body) = split_subject(&name, &text)?;
                    subjects.insert(name.clone(), subject);
                    // An empty line replaces the removed one, so that line numbers in errors stay right.
                    format!("\n{body}")
                }
            };
            environment.add_template_owned(name, text).map_err(|error| explain(&error))?;
        }
        let letters = Self { environment, subjects };
        letters.try_out()?;
        Ok(letters)
    }

    /// Renders a mail.
    ///
    /// # Errors
    ///
    /// [`BadTemplate`]: only if an operator's text fails with other values than those it was tested with.
    pub fn render(
        &self,
        kind: MailKind,
        language: Language,
        facts: &Facts,
    ) -> Result<Rendered, BadTemplate> {
        let file = kind.file(language);
        let agent = facts.client.map(|client| viewer_words(client, language));
        let facts = &Facts { agent, ..facts.clone() };
        let fill = |name: &str| {
            let template = self.environment.get_template(name)?;
            template.render(facts)
        };
        let text = fill(&file).map_err(|error| BadTemplate(explain(&error)))?;
        let text = tidy(&text);
        let subject = self.subjects.get(&file).cloned().unwrap_or_default();
        let ours = [Some(&facts.site), facts.link.as_ref(), facts.unsubscribe.as_ref()];
        let line = |text| Line { text, is_link: ours.iter().flatten().any(|url| **url == text) };
        let paragraphs = text.trim_end().split("\n\n").map(|paragraph| paragraph.lines().map(line));
        let page = LetterHtml {
            language: language.tag(),
            is_rtl: server_texts(language.tag()).direction == Direction::Rtl,
            subject: &subject,
            paragraphs: paragraphs.map(Iterator::collect).collect(),
        };
        let html = self.environment.get_template(LAYOUT).and_then(|layout| layout.render(&page));
        let html = html.map_err(|error| BadTemplate(explain(&error)))?;
        Ok(Rendered { subject, text, html })
    }

    /// Renders every text, with all possible values and with as few as possible.
    fn try_out(&self) -> Result<(), String> {
        for kind in MailKind::ALL {
            for language in Language::all() {
                for facts in [sample(kind, true), sample(kind, false)] {
                    let rendered = self.render(kind, language, &facts);
                    let rendered = rendered.map_err(|error| error.to_string())?;
                    // minijinja's form of the slash.
                    let html = rendered.html.replace("&#x2f;", "/");
                    let needed = [&facts.link, &facts.unsubscribe];
                    let missing = needed
                        .into_iter()
                        .flatten()
                        .find(|url| !rendered.text.contains(*url) || !html.contains(*url));
                    if missing.is_some() {
                        let what = if kind.has_link() { "{{ link }}" } else { "{{ unsubscribe }}" };
                        let file = kind.file(language);
                        return Err(format!(
                            "{file} does not show {what}, or layout.html does not show the \
                             paragraphs"
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The built-in texts by the names of an operator's files: `viewed.en.txt`.
fn built_in() -> BTreeMap<String, String> {
    let mails = LOCALES.iter().flat_map(|locale| {
        let name = |kind: &str| format!("{kind}.{}.txt", locale.tag);
        locale.mails.iter().map(move |(kind, text)| (name(kind), (*text).to_owned()))
    });
    mails.chain([(LAYOUT.to_owned(), BUILT_IN_LAYOUT.to_owned())]).collect()
}

/// Example values for a mail of this kind, all of them if `whole`.
fn sample(kind: MailKind, whole: bool) -> Facts {
    let mut facts = Facts::new("https://example.org", UnixSeconds(1_795_348_800));
    if kind.has_link() {
        facts.link = Some("https://example.org/sample".to_owned());
    }
    if kind.is_notification() {
        facts.unsubscribe = Some("https://example.org/unsubscribe/sample".to_owned());
    }
    if matches!(kind, MailKind::Viewed | MailKind::TriedAfter) {
        facts = facts.secret("sample".to_owned(), whole.then_some("description"));
    }
    if !whole {
        return facts;
    }
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    facts
        .message(Some("message"))
        .viewer(Some(address), Some("Firefox/133.0 (Android)"))
        .drop_box(Some("sample"))
}

/// Browser and system, or another kind of client, by name.
fn viewer_words(client: UserAgent, language: Language) -> String {
    let texts = server_texts(language.tag());
    match client {
        UserAgent::Program(name) => name.to_owned(),
        UserAgent::Robot(None) => texts.viewer_robot.clone(),
        UserAgent::Robot(Some(name)) => format!("{} ({name})", texts.viewer_robot),
        UserAgent::Browser { name, system } => {
            let browser = name.unwrap_or(&texts.viewer_browser);
            match system {
                None => browser.to_owned(),
                Some(system) => {
                    let text = texts.viewer_browser_on.replace("{system}", system);
                    text.replace("{browser}", browser)
                }
            }
        }
    }
}

/// Replaces texts by the files of the same names in `dir`.
fn read_over(dir: &Path, texts: &mut BTreeMap<String, String>) -> Result<(), String> {
    let trouble = |error: &dyn std::fmt::Display| format!("{}: {error}", dir.display());
    for entry in fs::read_dir(dir).map_err(|error| trouble(&error))? {
        let entry = entry.map_err(|error| trouble(&error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".txt") && !name.ends_with(".html") {
            continue;
        }
        let Some(text) = texts.get_mut(&name) else {
            // A misspelled name would otherwise leave the built-in text in use, without an error.
            let names: Vec<&str> = texts.keys().map(String::as_str).collect();
            return Err(trouble(&format!("{name} is not one of the files {}", names.join(", "))));
        };
        let trouble = |error: &dyn std::fmt::Display| trouble(&format!("{name}: {error}"));
        let found = fs::metadata(entry.path()).map_err(|error| trouble(&error))?;
        if found.len() > MAX_TEMPLATE_BYTES {
            return Err(trouble(&format!("it has more than {MAX_TEMPLATE_BYTES} bytes")));
        }
        *text = fs::read_to_string(entry.path()).map_err(|error| trouble(&error))?;
        *text = text.replace("\r\n", "\n");
    }
    Ok(())
}

/// The fixed subject in the first line of a text, and the rest.
fn split_subject(name: &str, text: &str) -> Result<(String, String), String> {
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let subject = first.strip_prefix(SUBJECT).map(str::trim).filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| {
        format!("{name}, line 1: it does not begin with \"{SUBJECT}\" and a text")
    })?;
    if ["{{", "{%", "{#"].iter().any(|mark| subject.contains(mark))
        || subject.contains(char::is_control)
    {
        return Err(format!("{name}, line 1: the subject is a fixed text, without placeholders"));
    }
    Ok((subject.to_owned(), body.to_owned()))
}

/// Removes spaces at the ends of lines, empty lines at both ends, and repeated empty lines.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut gap = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            gap = !tidied.is_empty();
            continue;
        }
        if gap {
            tidied.push('\n');
        }
        gap = false;
        tidied.push_str(line);
        tidied.push('\n');
    }
    tidied
}

fn explain(error: &minijinja::Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}, line {line}: {what}"),
        (Some(name), None) => format!("{name}: {what}"),
        (None, _) => what,
    }
}
