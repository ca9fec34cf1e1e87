//! Swagger UI, served from this binary alone: a page of our own, and the library's script and style cut out of the page
//! that poem-openapi makes of them. As files of their own they need no exception from the content security policy.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use poem_openapi::OpenApiService;

pub(super) const PAGE: &str = include_str!("../../../../templates/docs.html");
pub(super) const START: &str = include_str!("../../../../assets/js/docs.js");

/// The library's files, made when somebody first asks: they are large, and most servers are never asked.
#[derive(Clone, Default)]
pub(crate) struct SwaggerUi(Arc<OnceLock<Files>>);

pub(super) struct Files {
    pub(super) script: Bytes,
    pub(super) style: Bytes,
}

impl SwaggerUi {
    pub(super) fn files(&self) -> &Files {
        self.0.get_or_init(|| {
            let page = OpenApiService::new((), "", "").swagger_ui_html();
            Files { script: element(&page, "script"), style: element(&page, "style") }
        })
    }
}

/// What stands inside the page's first element of this name.
fn element(page: &str, name: &str) -> Bytes {
    let inside = || {
        let (_, rest) = page.split_once(&format!("<{name} charset=\"UTF-8\">"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    Bytes::copy_from_slice(inside().unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_cut_out_whole() {
        let ui = SwaggerUi::default();
        let Files { script, style } = ui.files();
        let script = std::str::from_utf8(script).expect("text");
        assert!(script.len() > 1_000_000 && script.contains("SwaggerUIBundle"), "{} bytes", script.len());
        let style = std::str::from_utf8(style).expect("text");
        assert!(style.len() > 100_000 && style.contains(".swagger-ui"), "{} bytes", style.len());
    }

    #[test]
    fn nothing_is_fetched_from_another_host() {
        for text in [PAGE, START] {
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("\"//"), "{text}");
        }
        assert!(START.contains("url: \"/openapi.json\"") && START.contains("validatorUrl: null"));
        let ui = SwaggerUi::default();
        let style = std::str::from_utf8(&ui.files().style).expect("text");
        assert!(!style.contains("@import"));
        for url in style.split("url(").skip(1) {
            assert!(url.trim_start_matches(['"', '\'']).starts_with("data:"), "{}", url.get(..60).unwrap_or(url));
        }
    }
}
