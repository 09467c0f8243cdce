//! The client of a request, in words: the names of browser and system from a `User-Agent` (RFC 9110,
//! 10.1.5).
//!
//! All words come from `user_agents.json`, which the pages use as well: nothing of the header itself gets
//! into a mail. The header is not reliable, so the names only help people to recognise a client, and
//! nothing depends on them.

use std::sync::LazyLock;

use serde::Deserialize;

/// The pages use the same table.
pub(crate) const TABLE: &str = include_str!("user_agents.json");

/// Names, each with the texts that identify it in a header, in lower case. The first match counts, because
/// most browsers also contain the names of others.
type Names = Vec<(String, Vec<String>)>;

#[derive(Deserialize)]
struct UserAgentNames {
    /// Programs that fetch links automatically.
    robots: Names,
    /// Programs for scripts. Their system is not shown.
    programs: Names,
    browsers: Names,
    systems: Names,
    /// Texts that identify other robots.
    robot_marks: Vec<String>,
}

static NAMES: LazyLock<UserAgentNames> =
    LazyLock::new(|| serde_json::from_str(TABLE).expect("a test reads the table"));

/// The client of a request, according to its `User-Agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserAgent {
    /// A browser and its system; either is `None` if the table has no name.
    Browser {
        /// The name of the browser.
        name: Option<&'static str>,
        /// The name of its system.
        system: Option<&'static str>,
    },
    /// A program that a person runs.
    Program(&'static str),
    /// A program that fetches links automatically; its name, if the table has one.
    Robot(Option<&'static str>),
}

impl UserAgent {
    /// Reads a `User-Agent`.
    #[must_use]
    pub(crate) fn of(header: &str) -> Self {
        let header = header.to_ascii_lowercase();
        let find = |names: &'static Names| {
            let fits = |marks: &[String]| marks.iter().any(|mark| header.contains(mark.as_str()));
            names.iter().find(|(_, marks)| fits(marks)).map(|(name, _)| name.as_str())
        };
        if let Some(name) = find(&NAMES.robots) {
            return Self::Robot(Some(name));
        }
        if let Some(name) = find(&NAMES.programs) {
            return Self::Program(name);
        }
        if NAMES.robot_marks.iter().any(|mark| header.contains(mark.as_str())) {
            return Self::Robot(None);
        }
        Self::Browser { name: find(&NAMES.browsers), system: find(&NAMES.systems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_programs_have_names() {
        let browser = |name, system| UserAgent::Browser { name, system };
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let chrome = |system: &str, more: &str| {
            format!("Mozilla/5.0 ({system}) {webkit} Chrome/131.0.0.0 {more}Safari/537.36")
        };
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                      Gecko)";
        let cases = [
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0".to_owned(),
                browser(Some("Firefox"), Some("Android")),
            ),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
                    .to_owned(),
                browser(Some("Firefox"), Some("Linux")),
            ),
            (chrome("Windows NT 10.0; Win64; x64", ""), browser(Some("Chrome"), Some("Windows"))),
            (chrome("Linux; Android 10; K", "Mobile "), browser(Some("Chrome"), Some("Android"))),
            (chrome("X11; CrOS x86_64 14541.0.0", ""), browser(Some("Chrome"), Some("ChromeOS"))),
            (
                chrome("Macintosh; Intel Mac OS X 10_15_7", "") + " Edg/131.0.0.0",
                browser(Some("Edge"), Some("macOS")),
            ),
            (
                chrome("Windows NT 10.0; Win64; x64", "") + " OPR/115.0.0.0",
                browser(Some("Opera"), Some("Windows")),
            ),
            (
                chrome("Linux; Android 14; SM-S911B", "SamsungBrowser/27.0 Mobile "),
                browser(Some("Samsung Internet"), Some("Android")),
            ),
            (
                format!("{iphone} Version/18.1 Mobile/15E148 Safari/604.1"),
                browser(Some("Safari"), Some("iPhone")),
            ),
            (
                format!("{iphone} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1"),
                browser(Some("Chrome"), Some("iPhone")),
            ),
            (
                format!("{iphone} FxiOS/133.0 Mobile/15E148 Safari/605.1.15"),
                browser(Some("Firefox"), Some("iPhone")),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko".to_owned(),
                browser(Some("Internet Explorer"), Some("Windows")),
            ),
            // Old names for .NET and a phone manufacturer called Cubot do not mislead.
            (
                "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; .NET CLR 3.5.30729)".to_owned(),
                browser(Some("Internet Explorer"), Some("Windows")),
            ),
            (
                chrome("Linux; Android 10; CUBOT X30", "Mobile "),
                browser(Some("Chrome"), Some("Android")),
            ),
            (format!("{iphone} Mobile/15E148"), browser(None, Some("iPhone"))),
            ("curl/8.11.0".to_owned(), UserAgent::Program("curl")),
            ("sealdrop/0.1.0".to_owned(), UserAgent::Program("sealdrop")),
            ("python-requests/2.32.3".to_owned(), UserAgent::Program("Python")),
            ("Go-http-client/2.0".to_owned(), UserAgent::Program("Go")),
            (
                "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041"
                    .to_owned(),
                UserAgent::Program("PowerShell"),
            ),
            (
                "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)".to_owned(),
                UserAgent::Robot(Some("Slack")),
            ),
            (
                "Mozilla/5.0 (compatible; Evil<b>Bot/1.0; +https://evil.example)".to_owned(),
                UserAgent::Robot(None),
            ),
            ("<script>alert(1)</script>".to_owned(), browser(None, None)),
            (String::new(), browser(None, None)),
            ("\u{0130}\u{202e}räksmörgås".to_owned(), browser(None, None)),
        ];
        for (header, expected) in cases {
            assert_eq!(UserAgent::of(&header), expected, "{header}");
            assert_eq!(UserAgent::of(&header.to_uppercase()), expected, "{header}");
        }
    }

    #[test]
    fn the_table_can_be_found_by_its_marks() {
        let tables = [&NAMES.robots, &NAMES.programs, &NAMES.browsers, &NAMES.systems];
        for (name, marks) in tables.into_iter().flatten() {
            assert!(!name.is_empty() && !marks.is_empty(), "{name}");
            assert!(
                marks.iter().all(|mark| mark.len() > 2 && *mark == mark.to_ascii_lowercase()),
                "{name}"
            );
        }
        assert!(NAMES.robot_marks.iter().all(|mark| !mark.is_empty()));
    }
}
