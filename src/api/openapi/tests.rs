//! The document lists all operations, and has the limits, names and errors of the code.

use std::collections::BTreeSet;

use http_body_util::BodyExt as _;

use super::*;
use crate::{
    api::{ApiError, key_service::input::names},
    domain::{
        notify::{
            event::WebhookEventKind,
            mailbox::Mailbox,
            webhook::{MAX_WEBHOOKS, WebhookUrl},
        },
        secret::ciphertext::PasswordPart,
        text::Text,
    },
};

#[test]
fn every_file_belongs_to_a_route_or_a_reference() {
    let ids: BTreeSet<_> = ROUTES.iter().map(|route| route.id).collect();
    for (path, _) in PARTS {
        if let Some(name) = path.strip_prefix("operations/") {
            let id = name.split('.').next().unwrap();
            assert!(ids.contains(id), "{path} describes no route");
        }
    }
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
    let document = value();
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
    let document = value();
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

#[test]
fn answers_have_a_meaning_and_examples() {
    let answers = answers::schemas();
    for (name, schema) in &answers {
        assert!(schema["description"].is_string(), "{name} has no description");
        if schema["type"] != "object" || !schema["examples"].is_null() {
            continue;
        }
        for field in schema["required"].as_array().unwrap() {
            let field = field.as_str().unwrap();
            let member = &schema["properties"][field];
            let has_example = !examples::of(member, &answers).is_null();
            assert!(has_example || member["type"] != "string", "{name}.{field} has no example");
        }
    }
}

#[tokio::test]
async fn errors_are_the_real_ones() {
    let document = value();
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
    let document = value();
    let schema = |path: &str| document.pointer(&format!("/components/schemas/{path}")).unwrap();
    for text in ["NewSecret/properties/message", "NewRequest/properties/secret_description"] {
        assert_eq!(schema(text)["maxLength"], Text::MAX_CHARS, "{text}");
    }
    let email = "NewRequest/properties/send_to_email/oneOf/0";
    assert_eq!(schema(email)["maxLength"], Mailbox::MAX_CHARS);
    assert_eq!(schema("NewWebhook/properties/url")["maxLength"], WebhookUrl::MAX_CHARS);
    assert_eq!(schema("PasswordPart")["maxLength"], PasswordPart::MAX_CHARS);
    assert_eq!(schema("Account/properties/webhooks")["maxItems"], MAX_WEBHOOKS);
    let events = WebhookEventKind::ALL.map(WebhookEventKind::name);
    for list in ["NewWebhook/properties/events", "Webhook/properties/events"] {
        assert_eq!(schema(list)["items"]["enum"], serde_json::json!(events), "{list}");
    }
    // The code has header names in lower case, the document writes `Idempotency-Key`.
    let text = document.to_string().to_lowercase();
    for name in names::NAMES {
        let is_there = text.contains(&format!("\"name\":\"{name}\""))
            || text.contains(&format!("\"{name}\":{{"));
        assert!(is_there, "the parameter {name} of the Key Service is not described");
    }
}
