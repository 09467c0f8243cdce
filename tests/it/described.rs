//! JSON answers have the members and types that the OpenAPI document describes, and no others.

use std::{collections::BTreeMap, sync::LazyLock};

use sealdrop::api::{openapi, routes};
use serde_json::Value;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&openapi::document()).expect("the document"));

/// Compares an answer with the description of its operation and status. Statuses without a description, such
/// as 405, are ignored.
pub(crate) fn check(method: &str, path: &str, status: u16, body: &[u8]) {
    let path = path.split('?').next().unwrap_or_default();
    let Some((resource, _)) = routes::find(path) else { return };
    let operation = &DOCUMENT["paths"][resource.path][method.to_lowercase()];
    let response = resolved(&operation["responses"][status.to_string()]);
    let schema = &response["content"]["application/json"]["schema"];
    if let (Value::Object(_), Ok(body)) = (schema, serde_json::from_slice(body)) {
        compare(schema, &body, &format!("{method} {} {status}", resource.path));
    }
}

fn compare(schema: &Value, value: &Value, at: &str) {
    let schema = resolved(schema);
    if let Some(alternatives) = schema["oneOf"].as_array() {
        let fits = |schema: &&Value| has_type(&resolved(schema)["type"], value);
        let Some(schema) = alternatives.iter().find(fits) else {
            panic!("{at}: {value} fits none")
        };
        return compare(schema, value, at);
    }
    assert!(has_type(&schema["type"], value), "{at}: {value} is no {}", schema["type"]);
    let (mut properties, mut required) = (BTreeMap::new(), Vec::new());
    gather(schema, &mut properties, &mut required);
    match value {
        Value::Object(members) if !properties.is_empty() => {
            for name in required {
                assert!(members.contains_key(name), "{at}: {name} is missing");
            }
            for (name, member) in members {
                let schema = properties.get(name.as_str());
                let schema = schema.unwrap_or_else(|| panic!("{at}: {name} is not described"));
                compare(schema, member, &format!("{at}/{name}"));
            }
        }
        Value::Array(items) => {
            for item in items {
                compare(&schema["items"], item, &format!("{at}/items"));
            }
        }
        _ => {}
    }
}

/// The members of an object, with those of the schemas that it refers to.
fn gather<'a>(
    schema: &'a Value,
    properties: &mut BTreeMap<&'a str, &'a Value>,
    required: &mut Vec<&'a str>,
) {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(resolved(part), properties, required);
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    properties.extend(own.map(|(name, schema)| (name.as_str(), schema)));
    let names = schema["required"].as_array().into_iter().flatten();
    required.extend(names.filter_map(Value::as_str));
}

fn has_type(described: &Value, value: &Value) -> bool {
    let is = |name: &Value| match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(_) => name == "integer" || name == "number",
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    };
    match described {
        Value::Null => true,
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}

fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(target) => DOCUMENT.pointer(&target[1..]).expect("a reference has a target"),
        None => schema,
    }
}
