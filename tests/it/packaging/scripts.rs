//! The shell scripts of the repository, read by shellcheck.

use super::{project, tool};

#[test]
fn shellcheck_finds_nothing_to_say() {
    let scripts = [
        ".ci/run",
        "tests/run",
        "packaging/build-archive",
        "packaging/build-deb",
        "packaging/build-release",
        "packaging/deb/postrm",
        "packaging/install.sh",
    ];
    let paths = scripts.map(|script| project(script).display().to_string());
    let ended = tool("shellcheck", &paths.each_ref().map(String::as_str));
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}

/// In the package it is run without a shell's other guards, by whoever types `apt purge`.
mod purge {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use crate::packaging::project;
    use crate::support::{Ended, run};

    /// What the package's script does, below a directory.
    fn postrm(root: &Path, action: &str) -> Ended {
        let mut command = Command::new("sh");
        // The programs that Debian's own part of it calls are about the running system.
        command.arg(project("packaging/deb/postrm")).arg(action).env("DPKG_ROOT", root);
        run(command)
    }

    #[test]
    fn the_data_stays_unless_it_says_itself_that_it_may_go() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let data = root.path().join("var/lib/ollama-api-pool");
        fs::create_dir_all(&data).expect("a data directory");
        fs::write(data.join("master.key"), "key").expect("a key");
        for action in ["remove", "upgrade", "purge"] {
            assert_eq!(postrm(root.path(), action).code, Some(0), "{action}");
            assert!(data.join("master.key").exists(), "{action}");
        }
        fs::write(data.join("delete-on-purge"), "").expect("the word for it");
        assert_eq!(postrm(root.path(), "remove").code, Some(0));
        assert!(data.exists(), "a removal is no purge");
        let purged = postrm(root.path(), "purge");
        assert_eq!((purged.code, purged.err.as_str()), (Some(0), ""));
        assert!(!data.exists());
        assert_eq!(postrm(root.path(), "purge").code, Some(0), "there is nothing left to do");
    }
}
