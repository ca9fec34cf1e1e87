//! Parameters of the query that have one of a few values: a refusal names them all.

use poem::{Request, RequestBody};
use poem_openapi::param::Query;
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromParameter, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use super::error::Error;

/// Such a parameter, which may be absent: as [`Query`] in everything but its refusals.
pub(super) struct Choice<T>(pub(super) Option<T>);

type Inner<T> = Query<Option<T>>;

impl<'a, T: ParseFromParameter> ApiExtractor<'a> for Choice<T> {
    const TYPES: &'static [ApiExtractorType] = Inner::<T>::TYPES;

    type ParamType = Option<T>;
    type ParamRawType = T::RawValueType;

    fn register(registry: &mut Registry) {
        Inner::<T>::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Inner::<T>::param_in()
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Inner::<T>::param_schema_ref()
    }

    fn param_raw_type(&self) -> Option<&T::RawValueType> {
        self.0.as_raw_value()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<Option<T>>,
    ) -> poem::Result<Self> {
        let name = options.name;
        let read = Inner::<T>::from_request(request, body, options).await;
        read.map(|value| Self(value.0)).map_err(|_| {
            let values = alternatives(&values::<T>());
            Error::bad_request(format!("The parameter `{name}` has to be {values}.")).into()
        })
    }
}

/// As the type itself describes them.
fn values<T: Type>() -> Vec<String> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    let schema = registry.schemas.get(&*T::name());
    let quoted = |value: &Value| value.as_str().map(|value| format!("`{value}`"));
    schema.into_iter().flat_map(|schema| &schema.enum_items).filter_map(quoted).collect()
}

/// In words.
fn alternatives(values: &[String]) -> String {
    match values.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        Some((only, _)) => only.clone(),
        None => String::from("as the API's document says"),
    }
}
