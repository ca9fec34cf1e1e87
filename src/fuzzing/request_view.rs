//! Bodies of requests, against a reading of all their members.

use bytes::Bytes;

use super::json::Members;
use crate::domain::api_form::ApiForm;
use crate::domain::cacheable::is_deterministic;
use crate::domain::canonical::canonical;
use crate::domain::provider::ProviderKind;
use crate::domain::request_view::{RequestView, strip_cloud_suffix};

const FORMS: [ApiForm; 4] = [ApiForm::Chat, ApiForm::Messages, ApiForm::OllamaChat, ApiForm::OllamaEmbed];

/// A request's body. The view says what a reading of the whole body says about `model` and `stream`, and refuses where
/// that does; what is spliced is JSON and differs in the one member only, which then says what it should.
pub fn request_view(data: &[u8]) {
    let members = std::str::from_utf8(data).ok().and_then(Members::read);
    for form in FORMS {
        let view = RequestView::read(form, data).ok();
        let expected = members.as_ref().and_then(|members| Some((model(members)?, stream(form, members)?)));
        let found = view.as_ref().map(|view| (view.model.clone().into_owned(), view.is_stream));
        assert_eq!(found, expected, "{form:?}");
        if let (Some(view), Some(members)) = (&view, &members) {
            asked(form, view, members, data);
            renamed(form, view, members, data);
        }
        if let Some(same) = canonical(data) {
            assert_eq!(is_deterministic(form, data), is_deterministic(form, &same), "{form:?}");
        }
    }
}

fn model(members: &Members<'_>) -> Option<String> {
    let model: String = serde_json::from_str(members.last("model")?).ok()?;
    let is_model = (1..=RequestView::MODEL_CHARS).contains(&model.chars().count());
    (is_model && !model.chars().any(char::is_control)).then_some(model)
}

fn stream(form: ApiForm, members: &Members<'_>) -> Option<bool> {
    match members.last("stream") {
        None | Some("null") => Some(form.streams_by_default()),
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => None,
    }
}

/// The question for a stream's usage.
fn asked(form: ApiForm, view: &RequestView<'_>, members: &Members<'_>, data: &[u8]) {
    let options = members.last("stream_options").filter(|text| *text != "null");
    let inside = options.map(Members::read);
    let is_asked = match &inside {
        None => false,
        // What is no object only the upstream can judge.
        Some(None) => true,
        Some(Some(inside)) => !matches!(inside.last("include_usage"), None | Some("null" | "false")),
    };
    let body = view.with_usage_asked(&Bytes::copy_from_slice(data));
    assert_eq!(body.is_some(), view.is_stream && form.has_stream_options() && !is_asked, "{form:?}");
    let Some(body) = body else { return };
    let text = String::from_utf8_lossy(&body);
    let Some(new) = Members::read(&text) else { unreachable!("the spliced body is no object: {text}") };
    assert_eq!(new.without("stream_options"), members.without("stream_options"), "another member changed");
    let Some(new) = new.last("stream_options").and_then(Members::read) else { unreachable!("no options: {text}") };
    assert_eq!(new.last("include_usage"), Some("true"), "it does not ask");
    let before = inside.flatten().unwrap_or(Members(Vec::new()));
    assert_eq!(new.without("include_usage"), before.without("include_usage"), "another option changed");
    let again = RequestView::read(form, &body);
    assert!(again.is_ok_and(|again| {
        again.model == view.model && again.is_stream && again.with_usage_asked(&body).is_none()
    }));
}

/// Another model, also one that has to be escaped.
fn renamed(form: ApiForm, view: &RequestView<'_>, members: &Members<'_>, data: &[u8]) {
    let plain = strip_cloud_suffix(ProviderKind::Ollama, &view.model);
    assert!(
        plain.is_none_or(|plain| !plain.is_empty() && view.model.starts_with(plain) && plain.len() < view.model.len())
    );
    let odd = format!("\"\\{}é", view.model);
    for name in [plain, Some(&*odd)].into_iter().flatten() {
        let body = view.with_model(&Bytes::copy_from_slice(data), name);
        let text = String::from_utf8_lossy(&body);
        let Some(new) = Members::read(&text) else { unreachable!("the spliced body is no object: {text}") };
        assert_eq!(new.without("model"), members.without("model"), "another member changed");
        assert_eq!(new.0.len(), members.0.len());
        let told = new.last("model").and_then(|raw| serde_json::from_str::<String>(raw).ok());
        assert_eq!(told.as_deref(), Some(name), "another model");
        assert_eq!(stream(form, &new), Some(view.is_stream));
    }
}
