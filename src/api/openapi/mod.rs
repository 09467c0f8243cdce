//! The OpenAPI document, made from the table of routes and the files in this folder.
//!
//! Paths, methods, ids, tags, summaries and security come from [`ROUTES`], and so do the errors that
//! several operations share. The files hold the rest, embedded by the build script:
//!
//! - `document.json`: title, tags, and the parameters and header fields that several operations share;
//!   `introduction.md`: the description of the API.
//! - `operations/<id>.json`: description, parameters, body, errors and responses of an operation;
//!   `operations/<id>.sh` and `.js`: its examples for curl and JavaScript, which a test runs.
//! - `schemas/<name>.json`: formats of fields. JSON bodies come from the fields that their parser reads,
//!   the bodies of the Key Service from the definitions of its parameters, and JSON answers with their
//!   examples from the structs in `answers`.
//! - `errors.json`: the responses with an error, each with its status and an example.

mod answers;
mod examples;
#[cfg(test)]
mod tests;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::{
    account::{self, keys, webhooks},
    key_service::input::forms,
    public::{self, viewing},
    requests,
    routes::{ROUTES, Route, RouteAccess},
    secrets::{change, new_secret},
};
use crate::http::json_fields::BodyFields;

// `PARTS`: the files of this folder that are not Rust, with their paths.
include!(concat!(env!("OUT_DIR"), "/openapi.rs"));

const JSON: &str = "application/json";

/// The JSON bodies of requests, with the same fields as in the parser.
const BODIES: [BodyFields; 13] = [
    new_secret::BODY,
    change::BODY,
    requests::BODY,
    requests::OPEN_BODY,
    account::BODY,
    keys::BODY,
    keys::CHANGE,
    webhooks::BODY,
    public::claims::BODY,
    public::requests::BODY,
    public::replies::BODY,
    viewing::VIEW,
    viewing::BURN,
];

/// Makes the document, as JSON.
#[must_use]
pub fn document() -> String {
    value().to_string()
}

fn value() -> Value {
    let mut document = json_part("document.json");
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["info"]["description"] = part("introduction.md").into();
    let errors = json_part("errors.json");
    let answers = answers::schemas();
    for route in ROUTES {
        let method = route.methods[0].as_str().to_lowercase();
        document["paths"][route.path][method] = operation(route, &errors, &answers);
    }
    let schemas = PARTS.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("schemas/")?.strip_suffix(".json")?;
        Some((name.to_owned(), parse(text)))
    });
    let bodies = BODIES.iter().map(|body| (body.name.to_owned(), body.schema()));
    let bodies = bodies.chain(forms::schemas());
    document["components"]["schemas"] = schemas.chain(bodies).chain(answers).collect();
    let errors = members(errors).map(|(name, error)| {
        let response = error_response(&name, error);
        (name, response)
    });
    document["components"]["responses"] = errors.collect();
    document
}

/// Describes an operation.
fn operation(route: &Route, errors: &Value, answers: &Map<String, Value>) -> Value {
    let path = format!("operations/{}", route.id);
    let mut written = json_part(&format!("{path}.json"));
    let mut responses = Map::new();
    let named = members_of_list(written["errors"].take());
    for name in shared_errors(route, &written).into_iter().map(Value::from).chain(named) {
        let name = name.as_str().expect("errors are named");
        let status = errors[name]["status"].to_string();
        responses.insert(status, reference("responses", name));
    }
    for (status, response) in members(written["responses"].take()) {
        let mut response = success(response);
        if let Some(content) = response.pointer_mut("/content/application~1json") {
            examples::add(content, answers);
        }
        responses.insert(status, response);
    }
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.summary,
        "description": written["description"],
        "security": security(&route.access),
        "responses": responses,
        "x-codeSamples": [
            { "lang": "curl", "label": "curl", "source": sample(&format!("{path}.sh")) },
            { "lang": "JavaScript", "label": "JavaScript", "source": sample(&format!("{path}.js")) },
        ],
    });
    let parameters = members_of_list(written["parameters"].take());
    let parameters: Vec<Value> = parameters
        .map(|parameter| match &parameter {
            Value::String(name) => reference("parameters", name),
            _ => parameter,
        })
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    let body = written["requestBody"].take();
    if !body.is_null() {
        operation["requestBody"] = body;
    }
    operation
}

/// The API keys that an operation accepts.
fn security(access: &RouteAccess) -> Value {
    match access {
        RouteAccess::PrivateKey(_) => json!([{ "PrivateKey": [] }]),
        RouteAccess::AnyKey(_) => json!([{ "PrivateKey": [] }, { "PublicKey": [] }]),
        RouteAccess::Other(..) | RouteAccess::KeyService(..) => json!([]),
    }
}

/// The errors that follow from an operation's access, method and body.
fn shared_errors(route: &Route, written: &Value) -> Vec<&'static str> {
    let mut errors = Vec::new();
    if let RouteAccess::KeyService(..) = route.access {
        errors.extend(["ServiceWrong", "ServiceInternal", "ServiceBusy"]);
        // The body can contain parameters too.
        if !route.path.contains('{') {
            errors.extend(["ServiceTooLarge", "ServiceContentCoding"]);
        }
        return errors;
    }
    if let RouteAccess::PrivateKey(_) | RouteAccess::AnyKey(_) = route.access {
        errors.extend(["NoKey", "Forbidden"]);
    }
    if route.methods[0] != Method::HEAD && route.tag != "Health" {
        errors.extend(["Internal", "Busy"]);
    }
    if written["requestBody"]["content"][JSON].is_object() {
        errors.extend(["BadRequest", "BodyTimeout", "TooLarge", "NotJson", "WrongField"]);
    }
    errors
}

/// A response of an operation. `data`, `metadata` and `next_cursor` are members of a JSON object.
fn success(mut response: Value) -> Value {
    let Some(members) = response.as_object_mut() else { return response };
    let Some(data) = members.remove("data") else { return response };
    let mut schema =
        json!({ "type": "object", "required": ["data"], "properties": { "data": data } });
    for member in ["metadata", "next_cursor"] {
        if let Some(Value::String(target)) = members.remove(member) {
            schema["properties"][member] = reference("schemas", &target);
            schema["required"].as_array_mut().expect("a list").push(member.into());
        }
    }
    members.insert("content".into(), json!({ JSON: { "schema": schema } }));
    response
}

/// An error response: the JSON object of the Secrets API, or the text of the Key Service, as JSON or XML.
fn error_response(name: &str, mut error: Value) -> Value {
    let is_service = name.starts_with("Service");
    let schema = if is_service { "ServiceError" } else { "Error" };
    let json = json!({ "schema": reference("schemas", schema), "example": error["example"] });
    let mut response = json!({ "description": error["description"], "content": { JSON: json } });
    if is_service {
        response["content"]["text/xml; charset=utf-8"] = json!({
            "schema": {
                "type": "string",
                "description": "`<response>` with the same sentence.",
                "xml": { "name": "response" },
            },
        });
    }
    for header in members_of_list(error["headers"].take()) {
        let name = header.as_str().expect("header fields are named");
        response["headers"][name] = reference("headers", name);
    }
    response
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// An example, without the newline at the end of its file.
fn sample(path: &str) -> &'static str {
    part(path).trim_end()
}

fn json_part(path: &str) -> Value {
    parse(part(path))
}

fn part(path: &str) -> &'static str {
    PARTS.iter().find(|(name, _)| *name == path).expect("a test makes the document").1
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a test makes the document")
}

fn members(object: Value) -> impl Iterator<Item = (String, Value)> {
    let members = match object {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.into_iter()
}

fn members_of_list(list: Value) -> impl Iterator<Item = Value> {
    let items = match list {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    items.into_iter()
}
