//! The table of routes has one row for each operation, and the OpenAPI document describes the same.

use std::collections::BTreeSet;

use http_body_util::BodyExt as _;
use serde_json::Value;

use super::*;
use crate::{
    api::key_service::input::parameters,
    domain::{
        notify::{
            mailbox::Mailbox,
            webhook::{EventKind, MAX_WEBHOOKS, WebhookUrl},
        },
        text::Text,
    },
};

fn document() -> Value {
    serde_json::from_str(include_str!("../../web/openapi.json")).unwrap()
}

#[test]
fn paths_find_their_resources() {
    let cases = [
        ("/health", Some(("/health", ["", ""]))),
        ("/health/", Some(("/health", ["", ""]))),
        ("/health//", None),
        ("/Health", None),
        ("health", None),
        ("*", None),
        ("", None),
        ("/", None),
        ("//", None),
        ("/api/secrets", Some(("/api/secrets", ["", ""]))),
        ("/api/secrets/", Some(("/api/secrets", ["", ""]))),
        ("/api/secrets//", None),
        ("/api/secrets/x", Some(("/api/secrets/{id}", ["x", ""]))),
        ("/api/secrets/%2F/", Some(("/api/secrets/{id}", ["%2F", ""]))),
        ("/api/secrets/x/", Some(("/api/secrets/{id}", ["x", ""]))),
        ("/api/secrets/x/y", None),
        ("/api/secrets//draft", None),
        ("/api/secrets/x/draft", Some(("/api/secrets/{id}/draft", ["x", ""]))),
        ("/api/secrets/x/draft/y", None),
        ("/api/secrets/x/attachments", None),
        ("/api/secrets/x/attachments//", None),
        ("/api/secrets/x/attachments/1", Some(("/api/secrets/{id}/attachments/{n}", ["x", "1"]))),
        ("/api/secrets/x/attachments/1/2", None),
        ("/api/account", Some(("/api/account", ["", ""]))),
        ("/api/accounts", None),
        ("/api/account/webhooks//test", None),
        ("/api/account/webhooks/x/test", Some(("/api/account/webhooks/{id}/test", ["x", ""]))),
        ("/api/public", None),
        ("/api/public/secrets/x/view", Some(("/api/public/secrets/{id}/view", ["x", ""]))),
        ("/api/public/secrets/x/view/y", None),
        ("/Service", Some(("/Service", ["", ""]))),
        ("/sERVICE/", Some(("/Service", ["", ""]))),
        ("/Service//", None),
        ("/service/selfdestruct", Some(("/Service/SelfDestruct", ["", ""]))),
        ("/service/x/PublicKey", Some(("/Service/{token}/publickey", ["x", ""]))),
        ("/service//terms", Some(("/Service/{token}/terms", ["", ""]))),
        ("/service/file/terms", Some(("/Service/File/{id}", ["terms", ""]))),
        ("/service/file//", Some(("/Service/File/{id}", ["", ""]))),
        ("/service/file/x/y", None),
    ];
    for (path, expected) in cases {
        let found = find(path).map(|(resource, chosen)| (resource.path, chosen));
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn allow_names_the_methods_of_all_rows_of_a_path() {
    let cases = [
        ("/api/secrets", "GET, HEAD, POST, OPTIONS"),
        ("/api/secrets/x", "GET, DELETE, OPTIONS"),
        ("/api/secrets/x/attachments/1", "GET, HEAD, PUT, OPTIONS"),
        ("/api/account", "GET, HEAD, PUT, OPTIONS"),
        ("/api/public/secrets/x", "GET, DELETE, OPTIONS"),
        ("/api/public/secret_requests/x", "GET, HEAD, OPTIONS"),
        ("/api/public/unsubscribe/x", "GET, HEAD, POST, OPTIONS"),
        ("/Service", "GET, POST, PUT, DELETE, OPTIONS"),
        ("/Service/File/x", "GET, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ];
    for (path, expected) in cases {
        let methods: Vec<_> = find(path).unwrap().0.methods.iter().map(Method::as_str).collect();
        assert_eq!(methods.join(", "), expected, "{path}");
    }
}

#[test]
fn no_two_rows_are_the_same() {
    let (mut calls, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for route in ROUTES {
        assert!(ids.insert(route.id), "{}", route.id);
        for method in route.methods {
            assert!(calls.insert((route.path, method.as_str())), "{method} {}", route.path);
        }
        let chosen = route.path.split('/').filter(|segment| is_chosen(segment));
        assert!(chosen.count() <= 2, "{}", route.path);
    }
}

#[test]
fn the_document_describes_the_table() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let text = |field: &str| operation[field].as_str().unwrap().to_owned();
            let security = operation["security"].as_array().unwrap().len();
            let tag = operation["tags"][0].as_str().unwrap().to_owned();
            let names = (text("operationId"), tag, text("summary"));
            described.insert((path.clone(), method.to_uppercase(), names, security));
        }
    }
    let rows = ROUTES.iter().map(|route| {
        let keys = match route.access {
            Access::PrivateKey(_) => 1,
            Access::AnyKey(_) => 2,
            Access::Other(..) | Access::KeyService(..) => 0,
        };
        let names = (route.id.to_owned(), route.tag.to_owned(), route.summary.to_owned());
        (route.path.to_owned(), route.methods[0].to_string(), names, keys)
    });
    assert_eq!(rows.collect::<BTreeSet<_>>(), described);
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(target)) = fields.get("$ref") {
                    let found = document.pointer(target.strip_prefix('#').unwrap());
                    assert!(found.is_some(), "{target}");
                }
                fields.values().for_each(|field| check(document, field));
            }
            Value::Array(items) => items.iter().for_each(|item| check(document, item)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
    let text = document.to_string();
    for (kind, all) in document["components"].as_object().unwrap() {
        for name in all.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            assert!(
                text.contains(&format!("\"#/components/{kind}/{name}\"")),
                "{kind}/{name} is unused"
            );
        }
    }
}

#[test]
fn a_page_can_be_made_of_it() {
    let document = document();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["servers"][0]["url"], ".", "relative: it may lie below a path");
    let tags = document["tags"].as_array().unwrap();
    let tags: BTreeSet<_> = tags.iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let (mut ids, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let text = |field: &str| {
                let found = operation[field].as_str().filter(|text| !text.is_empty());
                found.unwrap_or_else(|| panic!("{method} {path} has no {field}"))
            };
            assert!(ids.insert(text("operationId")), "{method} {path}: its id is taken");
            assert!(text("summary").len() < 60 && text("description").len() > 3, "{method} {path}");
            assert!(operation["security"].is_array(), "{method} {path}");
            let tag = operation["tags"][0].as_str().unwrap();
            assert!(tags.contains(tag), "{method} {path}: {tag}");
            used.insert(tag);
            let samples = operation["x-codeSamples"].as_array().unwrap();
            let languages: Vec<_> = samples.iter().map(|sample| &sample["lang"]).collect();
            assert_eq!(languages, ["curl", "JavaScript"], "{method} {path}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let parameter = match parameter["$ref"].as_str() {
                    Some(target) => document.pointer(&target[1..]).unwrap(),
                    None => parameter,
                };
                assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
                let is_hole =
                    path.contains(&format!("{{{}}}", parameter["name"].as_str().unwrap()));
                assert_eq!(is_hole, parameter["in"] == "path", "{method} {path}: {parameter}");
            }
        }
    }
    assert_eq!(used, tags);
}

#[tokio::test]
async fn errors_are_the_real_ones() {
    let document = document();
    let schema = &document["components"]["schemas"]["Error"];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let required = |schema: &Value| -> BTreeSet<String> {
        let names = schema["required"].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    for error in [ApiError::NotFound, ApiError::field("url", "can't be blank"), ApiError::Busy] {
        let body = error.into_response().into_body().collect().await.ok().unwrap().to_bytes();
        let told: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(keys(&told), ["error"]);
        assert_eq!(required(schema), keys(&told).into_iter().collect());
        let inner = &schema["properties"]["error"];
        assert_eq!(required(inner), keys(&told["error"]).into_iter().collect());
    }
}

#[test]
fn names_and_limits_are_those_of_the_code() {
    let document = document();
    let schema = |path: &str| document.pointer(&format!("/components/schemas/{path}")).unwrap();
    for text in ["NewSecret/properties/message", "NewRequest/properties/secret_description"] {
        assert_eq!(schema(text)["maxLength"], Text::MAX_CHARS, "{text}");
    }
    let email = "NewRequest/properties/send_to_email/oneOf/0";
    assert_eq!(schema(email)["maxLength"], Mailbox::MAX_CHARS);
    assert_eq!(schema("NewWebhook/properties/url")["maxLength"], WebhookUrl::MAX_CHARS);
    assert_eq!(schema("Account/properties/webhooks")["maxItems"], MAX_WEBHOOKS);
    let events = EventKind::ALL.map(EventKind::name);
    for list in ["NewWebhook/properties/events", "Webhook/properties/events"] {
        assert_eq!(schema(list)["items"]["enum"], serde_json::json!(events), "{list}");
    }
    // A header is called `Idempotency-Key` where the code has its name in small letters.
    let text = document.to_string().to_lowercase();
    for name in parameters::NAMES {
        let is_there = text.contains(&format!("\"name\":\"{name}\""))
            || text.contains(&format!("\"{name}\":{{"));
        assert!(is_there, "the parameter {name} of the Key Service is not described");
    }
}
