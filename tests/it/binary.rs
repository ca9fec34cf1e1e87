//! The binary as an operator meets it: commands, exit codes, the first start, refusals, signals, a full disk.

mod backups;
mod commands;
mod demo;
mod doctor;
mod first_start;
mod full_disk;
mod keys;
mod place;
mod refusals;
mod reload;
mod restores;
mod service_manager;
mod signals;
mod tokens;

pub(crate) use place::Place;

use crate::support::Ended;

/// A refusal: this exit code, nothing on standard output, and one line that says what to do.
#[track_caller]
pub(crate) fn refused(ended: &Ended, code: i32, says: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.out, "");
    let errors: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{}", ended.err);
    assert_eq!(ended.err.lines().last(), Some(errors[0]), "{}", ended.err);
    for text in says {
        assert!(errors[0].contains(text), "{text:?} is not in {:?}", errors[0]);
    }
}
