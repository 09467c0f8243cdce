//! The definition of a JSON field: name, type, limits and meaning. The parser and the API description both
//! use it.

use serde_json::{Value, json};

/// A field of a JSON body.
pub struct Field {
    /// The name, in answers and errors.
    pub name: &'static str,
    /// An alias: the Swedish document translates some names.
    pub alias: Option<&'static str>,
    /// Whether the field is required.
    pub is_required: bool,
    /// The type and its limits.
    pub kind: FieldKind,
    /// The meaning, in Markdown.
    pub meaning: &'static str,
}

/// The type of a field, with its limits.
pub enum FieldKind {
    /// A string.
    Text(TextLimits),
    /// A whole number in a range, as a number or a string.
    Number {
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
    /// True or false, as a boolean or a string.
    Boolean,
    /// A list of these strings.
    Names(fn() -> Vec<&'static str>),
    /// A type that several bodies share, by its name in the API description.
    Named(&'static str),
}

/// The limits of a string.
pub struct TextLimits {
    /// The maximum length in characters.
    pub max_chars: Option<usize>,
    /// A format of JSON Schema, or one of sealdrop that the tests know.
    pub format: Option<&'static str>,
    /// A regular expression (ECMA-262).
    pub pattern: Option<&'static str>,
}

/// The fields of a JSON body.
pub struct BodyFields {
    /// The name in the API description.
    pub name: &'static str,
    /// The purpose, in Markdown.
    pub meaning: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// The maximum number of items in a list of strings.
pub(super) const MAX_STRINGS: usize = 100;

impl Field {
    /// A string without limits.
    #[must_use]
    pub const fn text(name: &'static str, meaning: &'static str) -> Self {
        let text = TextLimits { max_chars: None, format: None, pattern: None };
        Self::new(name, FieldKind::Text(text), meaning)
    }

    /// A whole number from `min` to `max`.
    #[must_use]
    pub const fn number(name: &'static str, min: u64, max: u64, meaning: &'static str) -> Self {
        Self::new(name, FieldKind::Number { min, max }, meaning)
    }

    /// A field of any type.
    #[must_use]
    pub const fn new(name: &'static str, kind: FieldKind, meaning: &'static str) -> Self {
        Self { name, alias: None, is_required: false, kind, meaning }
    }

    /// The same field with an alias.
    #[must_use]
    pub const fn with_alias(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    /// The same field, not required.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    /// The same field, required.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// The same string field with a maximum length in characters.
    #[must_use]
    pub const fn with_max_chars(mut self, max_chars: usize) -> Self {
        if let FieldKind::Text(text) = &mut self.kind {
            text.max_chars = Some(max_chars);
        }
        self
    }

    /// The same string field with a format.
    #[must_use]
    pub const fn with_format(mut self, format: &'static str) -> Self {
        if let FieldKind::Text(text) = &mut self.kind {
            text.format = Some(format);
        }
        self
    }

    /// The same string field with a pattern.
    #[must_use]
    pub const fn with_pattern(mut self, pattern: &'static str) -> Self {
        if let FieldKind::Text(text) = &mut self.kind {
            text.pattern = Some(pattern);
        }
        self
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        name == self.name || self.alias == Some(name)
    }

    /// The JSON Schema of the values.
    fn schema(&self) -> Value {
        let mut meaning = self.meaning.to_owned();
        let mut add = |sentence: &str| {
            if !meaning.is_empty() {
                meaning.push(' ');
            }
            meaning.push_str(sentence);
        };
        let or_null =
            |name: &str| if self.is_required { json!(name) } else { json!([name, "null"]) };
        let mut schema = match &self.kind {
            FieldKind::Text(text) => self.text_schema(text),
            FieldKind::Number { min, max } => {
                add(
                    "The same as a string (`\"24\"`) is understood, and an empty string counts as absent.",
                );
                let number = json!({ "type": or_null("integer"), "minimum": min, "maximum": max });
                let text = json!({ "type": "string", "pattern": "^([0-9]+(\\.0+)?)?$" });
                json!({ "oneOf": [number, text] })
            }
            FieldKind::Boolean => {
                add(
                    "The strings `\"true\"` and `\"false\"` are understood; an empty one counts as absent.",
                );
                let text = json!({ "type": "string", "enum": ["true", "false", ""] });
                json!({ "oneOf": [{ "type": or_null("boolean") }, text] })
            }
            FieldKind::Names(names) => {
                let items = json!({ "type": "string", "enum": names() });
                json!({ "type": or_null("array"), "items": items, "maxItems": MAX_STRINGS })
            }
            FieldKind::Named(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
        };
        if let Some(alias) = self.alias {
            add(&format!("The name `{alias}` is understood, too."));
        }
        if !meaning.is_empty() {
            schema["description"] = meaning.into();
        }
        schema
    }

    fn text_schema(&self, text: &TextLimits) -> Value {
        let mut schema = if self.is_required {
            json!({ "type": "string", "minLength": 1 })
        } else {
            json!({ "type": ["string", "null"] })
        };
        if let Some(max_chars) = text.max_chars {
            schema["maxLength"] = max_chars.into();
        }
        if let Some(format) = text.format {
            schema["format"] = format.into();
        }
        if let Some(pattern) = text.pattern {
            schema["pattern"] = pattern.into();
        }
        // An empty string counts as absent, and does not match the format.
        match text.format {
            Some("email" | "date-time") => {
                json!({ "oneOf": [schema, { "type": "string", "maxLength": 0 }] })
            }
            _ => schema,
        }
    }
}

impl BodyFields {
    /// The JSON Schema of the body.
    #[must_use]
    pub fn schema(&self) -> Value {
        let properties = self.fields.iter().map(|field| (field.name.to_owned(), field.schema()));
        let properties: serde_json::Map<_, _> = properties.collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if !self.meaning.is_empty() {
            schema["description"] = self.meaning.into();
        }
        let required = self.fields.iter().filter(|field| field.is_required);
        let required: Vec<&str> = required.map(|field| field.name).collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }
}
