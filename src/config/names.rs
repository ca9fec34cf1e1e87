//! Names of the JavaScript edition that mean nothing here, or not yet.
//!
//! Whoever moves over keeps an old environment or file; being told once what became of a name is worth more than
//! an error, and much more than silence.

use super::options::{self, Opt};

/// What a name in the file or the environment is.
pub(super) enum Name {
    Option(&'static Opt),
    /// It had a purpose once; the text says what became of it.
    Obsolete(&'static str),
    /// Its feature is not part of this version.
    NotYet,
    Unknown,
}

const OBSOLETE: [(&str, &str); 12] = [
    ("REDIS_URL", "there is no Redis; counters and caches live in the process"),
    ("SUPABASE_REST_URL", "everything is stored in SQLite in the data directory"),
    ("SUPABASE_SERVICE_ROLE_KEY", "everything is stored in SQLite in the data directory"),
    ("DISABLE_KV_STORAGE", "there is no KV storage"),
    ("STATS_SAMPLE_RATE", "statistics are exact, nothing is sampled"),
    ("MODEL_STATS_SAMPLE_RATE", "statistics are exact, nothing is sampled"),
    ("ENABLE_ANALYTICS", "statistics are always on"),
    ("POSTGRES_IMPORT_CHUNK_SIZE", "imports are not cut into chunks"),
    ("AUTH_SECRET", "sessions are stored and need no signing secret; stored secrets are sealed with MASTER_KEY"),
    ("BUILD_TIME", "the build is identified by --version"),
    ("API_KEYS", "API keys are stored in SQLite and managed through the admin API"),
    ("ACCOUNTS", "accounts are stored in SQLite and managed through the admin API"),
];

const NOT_YET: [&str; 12] = [
    "DATABASE_URL",
    "DATABASE_LISTEN_URL",
    "DATABASE_CA_FILE",
    "ENABLE_TURNSTILE",
    "TURNSTILE_SITE_KEY",
    "TURNSTILE_SECRET_KEY",
    "EMAIL_FORWARD_URL",
    "EMAIL_HOST",
    "EMAIL_PORT",
    "EMAIL_AUTH_USER",
    "EMAIL_AUTH_PASS",
    "EMAIL_SECURE",
];

/// Obsolete names, with what became of each.
pub(super) fn obsolete() -> impl Iterator<Item = (&'static str, &'static str)> {
    OBSOLETE.into_iter()
}

pub(super) fn classify(name: &str) -> Name {
    if let Some(opt) = options::by_name(name) {
        Name::Option(opt)
    } else if let Some((_, why)) = OBSOLETE.iter().find(|(obsolete, _)| *obsolete == name) {
        Name::Obsolete(why)
    } else if NOT_YET.contains(&name) {
        Name::NotYet
    } else {
        Name::Unknown
    }
}

/// The option whose name is so close that it was probably meant.
pub(super) fn suggestion(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase().replace('-', "_");
    let near = |opt: &&'static Opt| (distance(&name, opt.name), opt.name);
    let (distance, nearest) = options::ALL.iter().copied().map(|opt| near(&opt)).min()?;
    (distance * 3 <= nearest.len()).then_some(nearest)
}

/// How many letters must be inserted, removed or replaced to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(b.bytes()) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "AB", 2),
            ("AB", "", 2),
            ("LISTEN", "LITSEN", 2),
            ("LISTN", "LISTEN", 1),
            ("KITTEN", "SITTING", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(suggestion("LISTN"), Some("LISTEN"));
        assert_eq!(suggestion("data-dir"), Some("DATA_DIR"));
        assert_eq!(suggestion("MAX_ATTEMPT"), Some("MAX_ATTEMPTS"));
        assert_eq!(suggestion("FOO"), None);
    }
}
