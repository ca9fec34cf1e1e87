//! The files of the repository.

use std::fs;
use std::path::Path;

/// A text file.
pub(super) struct File {
    /// From the repository's root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    /// `src/storage` means that file or folder: `src/storage.rs`, `src/storage/worker.rs`.
    pub(super) fn is_under(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|e| e == extension)
    }

    /// `storage` of `src/storage/worker.rs` and of `src/storage.rs`.
    pub(super) fn top_module(&self) -> &str {
        let rest = self.path.trim_start_matches("src/");
        rest.split(['/', '.']).next().unwrap_or(rest)
    }

    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The text before the inline tests.
    pub(super) fn production(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod ").next().unwrap_or(&self.text)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.split('\n'))
    }

    pub(super) fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

pub(super) fn rust_sources() -> Vec<File> {
    all_files().into_iter().filter(|f| f.is_under("src") && f.has_extension("rs")).collect()
}

/// Every text file that belongs to the repository.
pub(super) fn all_files() -> Vec<File> {
    // What was found by fuzzing is whatever it is.
    const NOT_OURS: &[&str] = &[
        ".git",
        "target",
        "node_modules",
        "__pycache__",
        "results",
        "data",
        "corpus",
        "artifacts",
        "Cargo.lock",
        "package-lock.json",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("a directory entry").path();
            if path.file_name().and_then(|n| n.to_str()).is_none_or(|name| NOT_OURS.contains(&name)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
