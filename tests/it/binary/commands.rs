//! `--help`, `--version` and `check`.

use crate::support::{Ended, FakeUpstream, binary, options, run};

fn with(arguments: &[&str], options: &[(&str, &str)]) -> Ended {
    let options: Vec<_> = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    run(binary(arguments, &options))
}

#[test]
fn help_and_version_go_to_standard_output_and_succeed() {
    let help = with(&["--help"], &[]);
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    assert!(help.out.contains("serve") && help.out.contains("demo") && help.out.contains("--data-dir"), "{}", help.out);
    let version = with(&["--version"], &[]);
    assert_eq!(version.code, Some(0));
    assert_eq!(version.out, format!("ollama-api-pool {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_2_and_says_so_on_standard_error() {
    for arguments in [&["--nonsense"][..], &["frobnicate"], &["serve", "--listen"], &["check", "--admin-token", "x"]] {
        let ended = with(arguments, &[]);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.out.is_empty() && ended.err.contains("error:"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn check_prints_the_configuration_and_touches_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data_dir = dir.path().join("data");
    let upstream = FakeUpstream::start();
    let ended = run(binary(&["check"], &options(&data_dir, &upstream)));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("LISTEN") && ended.out.contains("environment variable"), "{}", ended.out);
    assert!(!ended.out.contains(crate::support::ADMIN_TOKEN), "{}", ended.out);
    assert!(!data_dir.exists());
}

#[test]
fn every_problem_of_a_configuration_is_told_at_once() {
    for command in ["check", "serve", "demo"] {
        let ended = with(
            &[command],
            &[("LISTEN", "nonsense"), ("WORKERS", "x"), ("ADMIN_TOKEN", "short-secret"), ("MASTER_KEY", "c2VjcmV0")],
        );
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let lines: Vec<&str> = ended.err.lines().collect();
        assert_eq!(lines.len(), 4, "{}", ended.err);
        for name in ["LISTEN", "WORKERS", "ADMIN_TOKEN", "MASTER_KEY"] {
            assert!(lines.iter().any(|line| line.starts_with(&format!("error: {name}"))), "{name}: {}", ended.err);
        }
        assert!(!ended.err.contains("short-secret") && !ended.err.contains("c2VjcmV0"), "{}", ended.err);
        assert!(ended.out.is_empty(), "{}", ended.out);
    }
}
