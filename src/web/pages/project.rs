//! `/project`: what this program is, how it was built, how it is, and the texts that belong to it.

use poem::web::Query;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::{Error, Visit};
use crate::web::api::{Build, DOCUMENTS, Info};
use crate::web::templates::{Page, Section, sections};

#[derive(Serialize)]
pub(super) struct ProjectPage {
    license: String,
    rust_version: String,
    target: String,
    profile: String,
    started_at: i64,
    /// The file name of the document that is shown.
    file: &'static str,
    /// Its text, in Markdown.
    text: &'static str,
    sections: Vec<Section>,
}

impl Page for ProjectPage {
    const TEMPLATE: &'static str = "pages/project.html";
}

#[derive(Deserialize)]
struct Wanted {
    /// The README when absent.
    file: Option<String>,
}

#[handler]
pub(super) async fn show(visit: &Visit, Query(wanted): Query<Wanted>) -> Result<Response, Error> {
    let name = wanted.file.as_deref().unwrap_or("README.md");
    let (file, text) = DOCUMENTS.into_iter().find(|(file, _)| *file == name).ok_or(Error::NotFound)?;
    let (info, build) = (Info::of_package(), Build::of_this_program());
    let page = ProjectPage {
        license: info.license,
        rust_version: info.rust_version,
        target: build.target,
        profile: build.profile,
        started_at: visit.state().started_at.as_millis(),
        file,
        text,
        sections: sections(text),
    };
    visit.page(&page).await
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for ProjectPage {
    fn samples() -> Vec<Self> {
        let sample = |file, text| Self {
            license: String::from("MIT"),
            rust_version: String::from("1.95"),
            target: String::from("x86_64-linux"),
            profile: String::from("release"),
            started_at: 1_767_260_000_000,
            file,
            text,
            sections: sections(text),
        };
        let hostile = "# A\n\n## <b>payload</b>\n\n[x](javascript:alert(1)) `<b>payload</b>`\n\n| a |\n|---|\n| b |\n";
        let others = DOCUMENTS.into_iter().skip(1).map(|(file, text)| sample(file, text));
        [sample("README.md", hostile)].into_iter().chain(others).collect()
    }
}
