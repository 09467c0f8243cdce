//! Examples of answers, put together from the examples of their fields.

use serde_json::{Map, Value};

/// Adds an example to a JSON response.
pub(super) fn add(content: &mut Value, answers: &Map<String, Value>) {
    let Some(content) = content.as_object_mut().filter(|content| !content.contains_key("example"))
    else {
        return;
    };
    let schema = content.get("schema").unwrap_or(&Value::Null);
    let example = match schema["properties"].as_object() {
        Some(members) => {
            members.iter().map(|(name, schema)| (name.clone(), of_list(schema, answers))).collect()
        }
        None => of_list(schema, answers),
    };
    content.insert("example".into(), example);
}

/// A list with one item, or the example of another value.
fn of_list(schema: &Value, answers: &Map<String, Value>) -> Value {
    match &schema["items"] {
        Value::Null => of(schema, answers),
        item => Value::Array(vec![of(item, answers)]),
    }
}

/// The first example of a schema. The default is null for an optional value, false, the minimum, an empty
/// list, and an object with the required members.
pub(super) fn of(schema: &Value, answers: &Map<String, Value>) -> Value {
    for given in [&schema["examples"][0], &schema["const"], &schema["enum"][0]] {
        if !given.is_null() {
            return given.clone();
        }
    }
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or_default();
        return answers.get(name).map_or(Value::Null, |schema| of(schema, answers));
    }
    match schema["type"].as_str() {
        Some("boolean") => false.into(),
        Some("integer") => schema["minimum"].clone(),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let names = required.filter_map(Value::as_str);
            let member = |name: &str| of(&schema["properties"][name], answers);
            names.map(|name| (name.to_owned(), member(name))).collect()
        }
        _ => Value::Null,
    }
}
