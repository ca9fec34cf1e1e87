//! What strangers may see: pages that an admin can switch off, for everybody but the admin. A page knows the admin by a
//! session, the API by the admin token.

use poem::{Request, Response};

use super::{State, api};
use crate::settings::PublicPages;

/// The answer to a request for something that is switched off, as if there were nothing.
pub(super) async fn refusal(request: &Request, state: &State) -> Option<Response> {
    let is_shown = is_shown(request.uri().path(), state.settings.load().public);
    (!is_shown && !api::is_admin(request, state).await).then(api::nothing_here)
}

/// Whether a stranger may see what is at this path.
pub(super) fn is_shown(path: &str, public: PublicPages) -> bool {
    let (first, rest) = path.strip_prefix('/').unwrap_or(path).split_once('/').unwrap_or((path.trim_matches('/'), ""));
    match (first, rest) {
        ("stats", _) => public.has_stats,
        ("openapi.json" | "docs" | "api-docs", _) | ("api", "test-templates") => public.has_api_docs,
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
        let stats = PublicPages { has_stats: true, ..none };
        for (path, with_docs, with_project, with_stats) in [
            ("/openapi.json", true, false, false),
            ("/docs", true, false, false),
            ("/docs/start.js", true, false, false),
            ("/api-docs", true, false, false),
            ("/api/test-templates", true, false, false),
            ("/project", false, true, false),
            ("/project/meta", false, true, false),
            ("/project/docs", false, true, false),
            ("/stats", false, false, true),
            ("/stats/", false, false, true),
            ("/admin/stats", true, true, true),
            ("/health", true, true, true),
            ("/", true, true, true),
        ] {
            let shown = [docs, project, stats].map(|public| is_shown(path, public));
            assert_eq!(shown, [with_docs, with_project, with_stats], "{path}");
        }
    }
}
