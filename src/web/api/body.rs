//! JSON bodies, refused in our own words: which field does not fit, and what it has to be.

use poem::{FromRequest as _, Request, RequestBody};
use poem_openapi::payload::{Json, ParsePayload, Payload};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use serde_json::Value;

use super::error::{BODY_DOES_NOT_FIT, Error};

/// A JSON body, as [`Json`] in everything but its refusals.
pub(super) struct Body<T>(pub(super) T);

impl<T: Type> Payload for Body<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn check_content_type(content_type: &str) -> bool {
        Json::<T>::check_content_type(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON> ParsePayload for Body<T> {
    const IS_REQUIRED: bool = T::IS_REQUIRED;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = Vec::<u8>::from_request(request, body).await?;
        if bytes.is_empty() {
            return Err(Error::bad_request("The body is empty: this route takes a JSON object.").into());
        }
        let value: Value = serde_json::from_slice(&bytes).map_err(|problem| Error::bad_request(not_json(&problem)))?;
        T::parse_from_json(Some(value)).map(Self).map_err(|_| {
            // Read again, so that a body that fits is not kept twice.
            let value = serde_json::from_slice(&bytes).unwrap_or_default();
            Error::bad_request(misfit::<T>(&value)).into()
        })
    }
}

poem_openapi::impl_apirequest_for_payload!(Body<T>, T: ParseFromJSON);

fn not_json(problem: &serde_json::Error) -> String {
    format!("The body is not JSON: it goes wrong at line {}, column {}.", problem.line(), problem.column())
}

/// The first field of the type that the value does not have as it should, named by the type.
fn misfit<T: Type>(value: &Value) -> String {
    let Value::Object(fields) = value else { return String::from("The body has to be a JSON object.") };
    let mut registry = Registry::new();
    T::register(&mut registry);
    let Some(schema) = registry.schemas.get(&*T::name()) else { return BODY_DOES_NOT_FIT.to_owned() };
    let wrong = schema.properties.iter().find_map(|(name, expected)| {
        let MetaSchemaRef::Inline(expected) = expected else { return None };
        match fields.get(*name) {
            None | Some(Value::Null) if !schema.required.contains(name) => None,
            None => Some(format!("The field `{name}` is missing: it has to be {}.", described(expected))),
            Some(value) if fits(expected, value) => None,
            Some(_) => Some(format!("The field `{name}` has to be {}.", described(expected))),
        }
    });
    wrong.unwrap_or_else(|| BODY_DOES_NOT_FIT.to_owned())
}

fn fits(expected: &MetaSchema, value: &Value) -> bool {
    match expected.ty {
        // As the library has it: a number or a truth value is taken for its text.
        "string" => value.is_string() || value.is_number() || value.is_boolean(),
        "integer" => value.is_i64(),
        "array" => value.as_array().is_some_and(|values| values.iter().all(|value| fits_item(expected, value))),
        _ => true,
    }
}

fn fits_item(list: &MetaSchema, value: &Value) -> bool {
    match list.items.as_deref() {
        Some(MetaSchemaRef::Inline(item)) => fits(item, value),
        Some(MetaSchemaRef::Reference(_)) | None => true,
    }
}

fn described(expected: &MetaSchema) -> &'static str {
    match expected.ty {
        "string" => "a text",
        "integer" => "a whole number",
        "array" => "a list of texts",
        _ => "as the API's document says",
    }
}
