//! Reads the corpus of every target again: what a search has found once is looked for at each change.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 10] = [
    ("canonical", canonical),
    ("chunked", chunked),
    ("client_headers", client_headers),
    ("error_body", error_body),
    ("import", import),
    ("request_view", request_view),
    ("response", response),
    ("retry_after", retry_after),
    ("stream", stream),
    ("upstream_proxy", upstream_proxy),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

/// The files or folders in one, without their endings.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    entries.map(|entry| stem(entry.expect("an entry").path())).collect()
}

#[test]
fn every_target_has_a_program_and_a_corpus_and_there_is_no_other() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| String::from(*name)).collect();
    assert_eq!(names(&folder().join("fuzz_targets")), targets);
    assert_eq!(names(&folder().join("corpus")), targets);
}

#[test]
fn nothing_in_the_corpus_breaks_a_promise() {
    let mut broken = Vec::new();
    for (target, check) in TARGETS {
        let corpus = folder().join("corpus").join(target);
        let names = names(&corpus);
        assert!(!names.is_empty(), "{target} has no corpus");
        for name in names {
            let bytes = fs::read(corpus.join(&name)).expect("a file that can be read");
            if catch_unwind(|| check(&bytes)).is_err() {
                broken.push(format!("{target}/{name}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}
