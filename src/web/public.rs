//! What strangers may see: pages that an admin can switch off, for everybody but the admin.

use poem::{Request, Response};

use super::{State, api};
use crate::settings::PublicPages;

/// The answer to a request for something that is switched off, as if there were nothing.
pub(super) async fn refusal(request: &Request, state: &State) -> Option<Response> {
    let is_shown = is_shown(request.uri().path(), state.settings.load().public);
    (!is_shown && !api::is_admin(request, state).await).then(api::nothing_here)
}

fn is_shown(path: &str, public: PublicPages) -> bool {
    let (first, rest) = path.strip_prefix('/').unwrap_or(path).split_once('/').unwrap_or((path.trim_matches('/'), ""));
    match (first, rest) {
        ("openapi.json" | "docs", _) | ("api", "test-templates") => public.has_api_docs,
        ("project", _) => public.has_project,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_is_for_its_own_pages() {
        let none = PublicPages { has_stats: false, has_api_docs: false, has_project: false };
        let docs = PublicPages { has_api_docs: true, ..none };
        let project = PublicPages { has_project: true, ..none };
        for (path, with_docs, with_project) in [
            ("/openapi.json", true, false),
            ("/docs", true, false),
            ("/docs/start.js", true, false),
            ("/api/test-templates", true, false),
            ("/project/meta", false, true),
            ("/project/docs", false, true),
            ("/admin/stats", true, true),
            ("/health", true, true),
            ("/", true, true),
        ] {
            assert_eq!((is_shown(path, docs), is_shown(path, project)), (with_docs, with_project), "{path}");
        }
    }
}
