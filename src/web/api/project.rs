//! `/project/meta` and `/project/docs`: what this program is, and the texts that belong to it.
//!
//! All of it is part of the binary. The JavaScript edition asked a code host; here nothing is asked, so what only the
//! network knows (stars, forks, open issues) is not told.

mod changelog;

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::Tag;
use super::error::Error;
use crate::web::State;
use changelog::Section;

/// The documents by their file names.
pub(in crate::web) const DOCUMENTS: [(&str, &str); 3] = [
    ("README.md", include_str!("../../../README.md")),
    ("CHANGELOG.md", CHANGELOG),
    ("LICENSE", include_str!("../../../LICENSE")),
];
const CHANGELOG: &str = include_str!("../../../CHANGELOG.md");

const ARCHITECTURE: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else if cfg!(target_arch = "aarch64") {
    "aarch64"
} else {
    "other"
};
const SYSTEM: &str = if cfg!(target_os = "linux") {
    "linux"
} else if cfg!(target_os = "macos") {
    "macos"
} else {
    "other"
};

/// What the project says of itself.
pub(crate) struct Project {
    tags: Vec<ReleaseTag>,
    releases: Vec<Release>,
}

#[derive(Object)]
struct ProjectMeta {
    info: Info,
    /// Versions that were released, newest first.
    tags: Vec<ReleaseTag>,
    /// The changelog's sections, newest first.
    releases: Vec<Release>,
    build: Build,
    fetched_at: String,
    /// Always false: it is part of the program.
    cached: bool,
}

#[derive(Object)]
pub(in crate::web) struct Info {
    pub(in crate::web) name: String,
    pub(in crate::web) description: String,
    pub(in crate::web) version: String,
    pub(in crate::web) license: String,
    /// The oldest Rust that it can be built with.
    pub(in crate::web) rust_version: String,
}

#[derive(Clone, Object)]
struct ReleaseTag {
    name: String,
}

#[derive(Clone, Object)]
#[oai(rename_all = "camelCase")]
struct Release {
    name: String,
    /// Absent before the release.
    #[oai(skip_serializing_if_is_none)]
    tag_name: Option<String>,
    /// The day, where the changelog has it.
    #[oai(skip_serializing_if_is_none)]
    published_at: Option<String>,
    prerelease: bool,
    /// Whether it is not released yet.
    draft: bool,
    /// The first three lines, at most 280 characters.
    summary: String,
}

/// How this program was built.
#[derive(Object)]
pub(in crate::web) struct Build {
    pub(in crate::web) version: String,
    /// Architecture and operating system: `x86_64-linux`.
    pub(in crate::web) target: String,
    /// `release` or `debug`.
    pub(in crate::web) profile: String,
}

#[derive(ApiResponse)]
enum Document {
    #[oai(status = 200, content_type = "text/markdown; charset=utf-8")]
    Found(
        PlainText<String>,
        /// `HIT`: it is part of the program.
        #[oai(header = "X-Cache")]
        String,
    ),
}

#[OpenApi(prefix_path = "/project", tag = "Tag::Project")]
impl Project {
    /// Describes this program and its releases
    #[oai(path = "/meta", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn meta(&self, state: Data<&State>) -> Json<ProjectMeta> {
        Json(ProjectMeta {
            info: Info::of_package(),
            tags: self.tags.clone(),
            releases: self.releases.clone(),
            build: Build::of_this_program(),
            fetched_at: state.clock.now().to_rfc3339(),
            cached: false,
        })
    }

    /// Gives a document of the project
    #[oai(path = "/docs", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn docs(
        &self,
        /// `README.md`, `CHANGELOG.md` or `LICENSE`.
        file: Query<Option<String>>,
    ) -> Result<Document, Error> {
        let wanted = file.0.unwrap_or_default();
        let Some((_, text)) = DOCUMENTS.iter().find(|(name, _)| *name == wanted) else {
            let names = DOCUMENTS.map(|(name, _)| name).join(", ");
            return Err(Error::bad_request(format!("Invalid or missing file parameter. Allowed files: {names}")));
        };
        Ok(Document::Found(PlainText((*text).to_owned()), String::from("HIT")))
    }
}

impl Project {
    pub(crate) fn embedded() -> Self {
        let releases: Vec<_> = changelog::sections(CHANGELOG).map(Release::from).collect();
        let tags = releases.iter().filter_map(|release| release.tag_name.clone()).map(|name| ReleaseTag { name });
        Self { tags: tags.collect(), releases }
    }
}

impl From<Section<'_>> for Release {
    fn from(section: Section<'_>) -> Self {
        let is_released = section.is_released();
        Self {
            name: section.name.to_owned(),
            tag_name: is_released.then(|| section.name.to_owned()),
            published_at: section.date.map(str::to_owned),
            prerelease: section.is_prerelease(),
            draft: !is_released,
            summary: section.summary,
        }
    }
}

impl Info {
    pub(in crate::web) fn of_package() -> Self {
        Self {
            name: String::from(env!("CARGO_PKG_NAME")),
            description: String::from(env!("CARGO_PKG_DESCRIPTION")),
            version: String::from(env!("CARGO_PKG_VERSION")),
            license: String::from(env!("CARGO_PKG_LICENSE")),
            rust_version: String::from(env!("CARGO_PKG_RUST_VERSION")),
        }
    }
}

impl Build {
    pub(in crate::web) fn of_this_program() -> Self {
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        Self {
            version: String::from(env!("CARGO_PKG_VERSION")),
            target: format!("{ARCHITECTURE}-{SYSTEM}"),
            profile: profile.to_owned(),
        }
    }
}
