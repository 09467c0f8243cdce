//! The schemas of answers, from the structs that are serialized.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value};

use crate::{
    api::{
        account::{
            AccountForOwner,
            keys::{ApiKeyCreatedItem, ApiKeyItem},
            webhooks::{Added, Tested},
        },
        attachments::upload::{PublishedSecret, ReceivedPart},
        error::ErrorBody,
        key_service::output,
        public::{
            claims::Claimed,
            open_requests::OpenRequestCreated,
            replies::ReplyCreated,
            requests::{HandedSecretCreated, RequestForSender},
            secrets::PublicSecretCreated,
            viewing::{SeenWithLease, ViewTerms},
        },
        requests::{RequestCreated, RequestListItem, answers::RequestStatusItem},
        secrets::{SecretCreated, SeenWithFiles, secret_item::SecretListItem},
    },
    crypto::proof_of_work::Challenge,
    domain::{
        account::{Metadata, RequestMetadata},
        server_status::ServerStatus,
    },
};

/// The answers that operations refer to. The schemas of their parts follow from them.
const ANSWERS: [fn(&mut SchemaGenerator) -> Schema; 26] = [
    SchemaGenerator::subschema_for::<AccountForOwner>,
    SchemaGenerator::subschema_for::<ServerStatus>,
    SchemaGenerator::subschema_for::<ApiKeyItem>,
    SchemaGenerator::subschema_for::<ApiKeyCreatedItem>,
    SchemaGenerator::subschema_for::<Added>,
    SchemaGenerator::subschema_for::<Tested>,
    SchemaGenerator::subschema_for::<PublishedSecret>,
    SchemaGenerator::subschema_for::<ReceivedPart>,
    SchemaGenerator::subschema_for::<ErrorBody>,
    SchemaGenerator::subschema_for::<Claimed>,
    SchemaGenerator::subschema_for::<HandedSecretCreated>,
    SchemaGenerator::subschema_for::<RequestForSender>,
    SchemaGenerator::subschema_for::<PublicSecretCreated>,
    SchemaGenerator::subschema_for::<ReplyCreated>,
    SchemaGenerator::subschema_for::<SeenWithLease>,
    SchemaGenerator::subschema_for::<ViewTerms>,
    SchemaGenerator::subschema_for::<RequestCreated>,
    SchemaGenerator::subschema_for::<RequestListItem>,
    SchemaGenerator::subschema_for::<RequestStatusItem>,
    SchemaGenerator::subschema_for::<OpenRequestCreated>,
    SchemaGenerator::subschema_for::<SecretCreated>,
    SchemaGenerator::subschema_for::<SeenWithFiles>,
    SchemaGenerator::subschema_for::<SecretListItem>,
    SchemaGenerator::subschema_for::<Challenge>,
    SchemaGenerator::subschema_for::<Metadata>,
    SchemaGenerator::subschema_for::<RequestMetadata>,
];

/// The schemas of all answers, each under its name.
pub(super) fn schemas() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .with_transform(RecursiveTransform(simplify));
    let mut generator = settings.into_generator();
    for answer in ANSWERS {
        answer(&mut generator);
    }
    let mut schemas = generator.take_definitions(true);
    let items = output::schema::schemas();
    schemas.extend(items.map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

/// Writes a schema as in the rest of the document, without limits and formats of Rust's number types.
fn simplify(schema: &mut Schema) {
    // A value or null.
    if let Some(alternatives) = schema.remove("anyOf") {
        schema.insert("oneOf".into(), alternatives);
    }
    // The rest of a doc comment is for readers of the code.
    if let Some(Value::String(meaning)) = schema.get_mut("description") {
        let summary = meaning.split("\n\n").next().unwrap_or_default();
        *meaning = summary.replace('\n', " ");
    }
    join_constants(schema);
    let max = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => Some(u64::from(u8::MAX)),
        Some("uint16") => Some(u64::from(u16::MAX)),
        Some("uint32" | "uint64" | "uint" | "ip") => None,
        _ => return,
    };
    schema.remove("format");
    if schema.get("maximum").is_some_and(|given| given.as_u64() == max) {
        schema.remove("maximum");
    }
}

/// Turns the documented variants of an enum into one list of names, and their meanings into a part of the
/// description.
fn join_constants(schema: &mut Schema) {
    let Some(Value::Array(variants)) = schema.get("oneOf") else { return };
    let text = |variant: &Value, member: &str| variant[member].as_str().map(str::to_owned);
    let names: Option<Vec<String>> =
        variants.iter().map(|variant| text(variant, "const")).collect();
    let Some(names) = names else { return };
    let meanings = variants.iter().zip(&names).filter_map(|(variant, name)| {
        text(variant, "description").map(|meaning| format!("`{name}`: {meaning}"))
    });
    let own = schema.get("description").and_then(Value::as_str).map(str::to_owned);
    let description: Vec<String> = own.into_iter().chain(meanings).collect();
    schema.remove("oneOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), names.into());
    schema.insert("description".into(), description.join(" ").into());
}
