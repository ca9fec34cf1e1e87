//! The last event of a stream that broke after its head had gone out.

use serde_json::json;

use crate::domain::api_form::ApiForm;

/// An error in the form's own shape, ready to be sent; the connection is cut after it, and no success is pretended.
pub fn error_event(form: ApiForm, message: &str, code: &str) -> Vec<u8> {
    match form {
        ApiForm::Chat | ApiForm::Completions | ApiForm::Embeddings => {
            let error = json!({"error": {"message": message, "type": "upstream_error", "param": null, "code": code}});
            format!("data: {error}\n\n")
        }
        ApiForm::Responses => {
            let error = json!({"type": "error", "code": code, "message": message, "param": null});
            format!("event: error\ndata: {error}\n\n")
        }
        ApiForm::Messages => {
            let error = json!({"type": "error", "error": {"type": "api_error", "message": message}});
            format!("event: error\ndata: {error}\n\n")
        }
        ApiForm::OllamaChat | ApiForm::OllamaGenerate | ApiForm::OllamaEmbed | ApiForm::OllamaShow => {
            format!("{}\n", json!({"error": message}))
        }
    }
    .into_bytes()
}
