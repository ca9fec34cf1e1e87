//! What came of single items of a job, on its page and as a file.

use std::num::NonZeroU32;

use poem::http::{HeaderValue, header};
use poem::web::{Path, Query};
use poem::{IntoResponse as _, Response, handler};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::found;
use super::told::result;
use crate::domain::fault::Reason;
use crate::domain::ids::JobId;
use crate::storage::{JobItemRow, Page as Part};
use crate::web::State;
use crate::web::api::csv;
use crate::web::pages::{Admin, Error};
use crate::web::text::Text;

#[derive(Serialize)]
pub(super) struct Item {
    number: u32,
    /// The page of its key, if that is in the pool.
    href: Option<String>,
    last4: Option<String>,
    label: Option<String>,
    result: Text,
    tone: &'static str,
    detail: Detail,
}

/// More about a result, as far as it is known.
#[derive(Default, Serialize)]
struct Detail {
    reason: Option<&'static str>,
    status: Option<u64>,
    checked_by: Option<&'static str>,
    /// The upstream's own words.
    quote: Option<String>,
    /// Why a line of an import is no key.
    line: Option<Text>,
}

impl Item {
    pub(super) fn of(row: JobItemRow) -> Self {
        let (result, tone) = result(row.result.as_deref().unwrap_or("pending"));
        let detail = row.detail.unwrap_or_default();
        // Of a key that is not in the pool the job knows the end.
        let last4 = row.last4.or_else(|| word(&detail, "last4"));
        Self {
            number: row.number,
            href: row.api_key.map(|id| format!("/dashboard/keys/{id}")),
            last4: last4.filter(|last4| !last4.is_empty()),
            label: row.label.filter(|label| !label.is_empty()),
            result,
            tone,
            detail: Detail::of(&detail),
        }
    }
}

impl Detail {
    fn of(detail: &Value) -> Self {
        let quote = word(detail, "message").filter(|text| !is_ours(text));
        let line = word(detail, "code").and_then(|code| line(&code, detail.get("line").and_then(Value::as_u64)));
        Self {
            reason: word(detail, "reason").and_then(|word| Reason::parse(&word)).map(Reason::as_str),
            status: detail.get("status").and_then(Value::as_u64),
            checked_by: ["identity", "model_list", "chat"]
                .into_iter()
                .find(|by| word(detail, "checkedBy").as_deref() == Some(*by)),
            quote: if line.is_some() { None } else { quote },
            line,
        }
    }
}

fn word(detail: &Value, name: &str) -> Option<String> {
    detail.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Whether a message is a sentence of this program, which says nothing that the reason and the status do not.
fn is_ours(message: &str) -> bool {
    const OURS: [&str; 5] = [
        "The account of this key is at its limit",
        "The upstream answered with the status",
        "The upstream gave no complete answer",
        "The upstream's answer could not be understood",
        "The upstream's answer is an error without a word",
    ];
    OURS.iter().any(|start| message.starts_with(start))
}

/// Why a line is no key of its own.
fn line(code: &str, first: Option<u64>) -> Option<Text> {
    let text = match code {
        "duplicate" => return Some(Text::new("jobs-line-duplicate").with("n", first?)),
        "empty" => "jobs-line-empty",
        "comment" => "jobs-line-comment",
        "too_long" => "jobs-line-too-long",
        "not_printable" => "jobs-line-not-printable",
        "too_few_fields" => "jobs-line-three-fields",
        "missing_api_key" => "jobs-line-missing",
        "not_supported" => "jobs-line-not-supported",
        _ => return None,
    };
    Some(Text::new(text))
}

/// All items with this result; all of them where it is empty.
pub(super) async fn all(state: &State, id: JobId, result: &str) -> Result<Vec<JobItemRow>, Error> {
    let whole = Part { number: NonZeroU32::MIN, size: NonZeroU32::MAX };
    let result = (!result.is_empty()).then(|| result.to_owned());
    Ok(state.storage.list_job_items(id, result, whole).await?.items)
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    result: String,
}

/// The items as a table for spreadsheets, without any key.
#[handler]
pub(super) async fn file(admin: Admin, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    const HEADER: [&str; 7] = ["number", "id", "key", "label", "result", "reason", "message"];
    let id = found(&admin, &id).await?.job.id;
    let rows = all(admin.state(), id, &asked.result).await?.into_iter().map(cells);
    let mut response = csv(&HEADER, rows).into_response();
    let name = HeaderValue::try_from(format!("attachment; filename=\"job-{id}.csv\"")).ok();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    response.headers_mut().extend(name.map(|name| (header::CONTENT_DISPOSITION, name)));
    Ok(response)
}

/// As the header has it.
fn cells(row: JobItemRow) -> Vec<String> {
    let detail = row.detail.unwrap_or_default();
    let of = |name| word(&detail, name).unwrap_or_default();
    vec![
        row.number.to_string(),
        row.api_key.map(|id| id.to_string()).unwrap_or_default(),
        row.last4.or_else(|| word(&detail, "last4")).map(|last4| format!("****{last4}")).unwrap_or_default(),
        row.label.unwrap_or_default(),
        row.result.unwrap_or_else(|| String::from("pending")),
        of("reason"),
        of("message"),
    ]
}

#[cfg(test)]
impl Item {
    pub(super) fn samples() -> Vec<Self> {
        use crate::domain::ids::ApiKeyId;
        use crate::domain::time::Timestamp;
        use serde_json::json;
        let details = [
            json!({"reason": "unauthorized", "status": 401, "checkedBy": "model_list", "message": "<b>payload</b>"}),
            json!({"code": "duplicate", "line": 3, "message": "line 3 has the same API key"}),
            json!({"code": "too_long", "message": "too long"}),
            json!({"checkedBy": "chat", "last4": "<b>payload</b>"}),
            Value::Null,
        ];
        let row = |(number, detail): (u32, Value)| JobItemRow {
            number,
            api_key: (number == 1).then(|| ApiKeyId::new(Timestamp::default(), [7; 10])),
            label: (number < 3).then(|| String::from("<b>payload</b>")),
            last4: (number == 1).then(|| String::from("4193")),
            result: (number != 5).then(|| String::from("invalid")),
            detail: Some(detail).filter(|detail| !detail.is_null()),
        };
        (1..).zip(details).map(row).map(Self::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::import::{Refusal, Skip};
    use crate::domain::secret::ApiKeyError;

    #[test]
    fn every_way_in_which_a_line_is_no_key_is_told_in_words() {
        let refusals = [
            Refusal::NoApiKey(ApiKeyError::Empty),
            Refusal::NoApiKey(ApiKeyError::TooLong),
            Refusal::NoApiKey(ApiKeyError::NotPrintableAscii),
            Refusal::ThreeFields,
            Refusal::MissingApiKey,
            Refusal::NeitherTextNorObject,
            Refusal::Fields,
            Refusal::Json,
            Refusal::Assignment,
            Refusal::SeveralValues,
        ];
        let skips = [Skip::Blank, Skip::Comment, Skip::Duplicate { first: 3 }];
        for code in refusals.map(Refusal::code).into_iter().chain(skips.map(Skip::code)) {
            assert!(line(code, Some(3)).is_some(), "{code}");
        }
        assert_eq!(line("another", None), None);
    }

    #[test]
    fn only_the_upstreams_own_words_are_quoted() {
        let quote = |message: &str| Detail::of(&json!({ "message": message })).quote;
        assert_eq!(quote("invalid api key").as_deref(), Some("invalid api key"));
        assert_eq!(quote("The upstream answered with the status 500."), None);
        assert_eq!(quote("The account of this key is at its limit (weekly_quota)."), None);
    }
}
