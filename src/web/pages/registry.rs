//! Every page, with samples of what its template may see: what the tests of the templates render.

use minijinja::value::{Serde, Value};

use super::{
    api_docs, audit_log, backup, cache, error, gate, home, jobs, keys, overview, patterns, project, providers,
    security, settings, start, stats, tokens,
};
use crate::web::templates::Page;

/// A page of which there are samples.
pub(in crate::web) trait Sampled: Page + Sized {
    /// At least one of each shape that the page can have.
    fn samples() -> Vec<Self>;
}

/// A template, and samples of its page.
pub(in crate::web) type Registered = (&'static str, Vec<Value>);

fn of<P: Sampled>() -> Registered {
    (P::TEMPLATE, P::samples().into_iter().map(|sample| Value::from(Serde(sample))).collect())
}

pub(in crate::web) fn all() -> Vec<Registered> {
    vec![
        of::<api_docs::ApiDocs>(),
        of::<audit_log::AuditLogPage>(),
        of::<backup::BackupPage>(),
        of::<cache::Cache>(),
        of::<cache::Clear>(),
        of::<error::ErrorPage>(),
        of::<gate::SignIn>(),
        of::<home::Home>(),
        of::<jobs::Ask>(),
        of::<jobs::Job>(),
        of::<jobs::Jobs>(),
        of::<keys::Add>(),
        of::<keys::Ask>(),
        of::<keys::Export>(),
        of::<keys::Import>(),
        of::<keys::Key>(),
        of::<keys::Keys>(),
        of::<keys::Reveal>(),
        of::<keys::Revealed>(),
        of::<overview::Overview>(),
        of::<patterns::Patterns>(),
        of::<project::ProjectPage>(),
        of::<providers::Providers>(),
        of::<security::NewToken>(),
        of::<security::Security>(),
        of::<settings::SettingsPage>(),
        of::<start::Start>(),
        of::<stats::Stats>(),
        of::<tokens::Ask>(),
        of::<tokens::Delete>(),
        of::<tokens::DeleteMany>(),
        of::<tokens::Edit>(),
        of::<tokens::Export>(),
        of::<tokens::Shown>(),
        of::<tokens::Token>(),
        of::<tokens::Tokens>(),
    ]
}
