//! A client for tests. It checks in every answer what all answers have in common.

use serde_json::{Value, json};
use ureq::{
    Agent,
    http::{HeaderMap, Request},
};

use crate::described;

/// A server and a key for it.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) base: String,
    pub(crate) key: String,
    agent: Agent,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(base: impl Into<String>, key: impl Into<String>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        Self { base: base.into(), key: key.into(), agent }
    }

    /// The same server with another key.
    pub(crate) fn with_key(&self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    /// Sends a request with the key. A given header replaces the default one.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.try_send(method, path, headers, body).expect("an answer")
    }

    /// As [`Client::send`], if the server may be killed during the call.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !self.key.is_empty() && !given("authorization") {
            request = request.header("authorization", format!("ApiKey {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let mut response = self.agent.run(request.body(body).expect("a request"))?;
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().with_config().limit(64 << 20).read_to_vec()?,
        };
        answer.check(method, path);
        Ok(answer)
    }

    /// Creates a secret and returns its id.
    pub(crate) fn create(&self, more: Value) -> String {
        let answer = self.post("/api/secrets", &secret_with(more));
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["data"]["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) fn view(&self, id: &str) -> Answer {
        self.get(&format!("/api/secrets/{id}"))
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a readable header"))
    }

    /// `(status, field)` of an error.
    pub(crate) fn error(&self) -> (u16, Value) {
        (self.status, self.json()["error"]["field"].clone())
    }

    fn check(&self, method: &str, path: &str) {
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"));
        assert!(self.headers.contains_key("date"));
        assert_eq!(self.header("access-control-allow-origin"), Some("*"));
        assert_eq!(self.header("access-control-allow-credentials"), None);
        described::check(method, path, self.status, &self.body);
        if is_service(path) {
            return self.check_service();
        }
        // A page for people, not for programs.
        let is_page = path.starts_with("/api/public/unsubscribe/") && self.status == 200;
        let is_file = path.contains("/attachments/") && self.status < 300 && method == "GET";
        if is_file {
            assert_eq!(self.header("content-type"), Some("application/octet-stream"));
        } else if !self.body.is_empty() && !is_page {
            assert_eq!(self.header("content-type"), Some("application/json"));
        }
        if self.status >= 400 && method != "HEAD" && self.status != 503 {
            let error = &self.json()["error"];
            assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
            assert!(error["field"].is_string() || error["field"].is_null(), "{error}");
        }
    }

    /// The status codes of its document, and those that it has in addition; errors are strings.
    fn check_service(&self) {
        let known = [200, 204, 206, 304, 400, 404, 405, 413, 415, 416, 429, 501, 503, 507];
        assert!(known.contains(&self.status), "{}", self.status);
        if [204, 304, 416].contains(&self.status) {
            assert!(self.body.is_empty(), "{} with a body", self.status);
        } else if self.status >= 400 {
            let text = self.message();
            assert!(!text.is_empty());
            assert!(matches!(self.status, 429 | 503) == self.header("retry-after").is_some());
        }
    }

    /// The text of an answer of the Key Service, in JSON or XML.
    pub(crate) fn message(&self) -> String {
        match self.header("content-type") {
            Some("application/json") => match self.json() {
                Value::String(text) => text,
                other => panic!("no string: {other}"),
            },
            Some("text/xml; charset=utf-8") => {
                let root = crate::xml::parse(&self.text());
                assert_eq!(root.name, "response");
                root.text
            }
            other => panic!("{} as {other:?}: {}", self.status, self.text()),
        }
    }
}

/// Whether a path is the Key Service's, whose errors are strings.
fn is_service(path: &str) -> bool {
    let first = path.split(['/', '?']).nth(1).unwrap_or_default();
    first.eq_ignore_ascii_case("service")
}

/// A body for `POST /api/secrets` with a real SJCL message (the first one of the test vectors, whose
/// text is `hunter2`), and `more` fields, which replace others.
pub(crate) fn secret_with(more: Value) -> Value {
    let mut body = json!({
        "ciphertext": "eyJpdiI6ImtXelh1MXo0VEIxN1Vxb01MNmovd3c9PSIsInYiOjEsIml0ZXIiOjEwMDAwLCJrcyI6MjU2LCJ0cyI6NjQsIm1vZGUiOiJnY20iLCJhZGF0YSI6IiIsImNpcGhlciI6ImFlcyIsInNhbHQiOiI1YzVPbXhoNHdMND0iLCJjdCI6ImJxZ0tXZUR3ZWNRcHN4Szd1RncrIn0=",
        "password_part_private": "TFNFQ1RBbENZNUNyYVhLSnlo",
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}
