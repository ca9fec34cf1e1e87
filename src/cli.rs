//! The command line: which command, with which options, and what the exit code says about its end.
//!
//! Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration, 3 done in part. This is the only module
//! that writes to standard output and, apart from the log, to standard error. It decides nothing about how the server
//! works: commands that look at a data directory or change it are clients of the admin API, which a running server
//! answers over a socket in that directory and otherwise this process itself ([`app::Local`]).

mod admin;
mod backup;
mod console;
mod doctor;
mod keys;
mod progress;
mod statistics;
mod tokens;
mod values;

use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use self::admin::Admin;
use self::backup::{BackupArgs, KeySource, RestoreArgs};
use self::console::Console;
use self::keys::KeyCommand;
use self::tokens::TokenCommand;
use crate::app::{self, Local};
use crate::clock::Clock;
use crate::config::{Args, Config, ConfigError, EffectiveValue, Environment};
use crate::storage;
use crate::telemetry::{self, Log};

const RUNTIME_ERROR: u8 = 1;
const USAGE_ERROR: u8 = 2;
const DONE_IN_PART: u8 = 3;

const AFTER_HELP: &str = "\
Every option can also be set in the environment or in the file named by --config, as NAME=value; a flag overrides the \
environment, which overrides the file.
MASTER_KEY, ADMIN_TOKEN and the URLs of proxies are secrets: set them there, or name a file that holds the first two; they \
have no flag because other users of a machine can read command lines.

Commands other than `serve`, `demo` and `check` work on the data directory, whether a server is running on it or not.

Exit codes: 0 success, 1 failure while running, 2 wrong usage or configuration, 3 done in part: something that was asked \
for was refused or not there.";

/// A self-hosted pool for LLM API keys.
///
/// Clients speak to one OpenAI-compatible endpoint with tokens of their own; requests go upstream with API keys of the
/// pool, and move on to another key when one is exhausted. Everything is stored in one directory.
#[derive(Parser)]
#[command(name = "ollama-api-pool", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    args: Args,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Default, Subcommand)]
enum Command {
    /// Run the server; this is what happens without a command.
    #[default]
    Serve,
    /// Run the server with a built-in upstream that echoes, to try everything without an API key.
    Demo,
    /// Check the configuration and print it with the source of each value; secrets are not printed.
    Check,
    /// Add, list, switch and delete API keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
        #[command(flatten)]
        form: Form,
    },
    /// Make, list and delete client tokens.
    Token {
        #[command(subcommand)]
        command: TokenCommand,
        #[command(flatten)]
        form: Form,
    },
    /// Tell what was asked and answered.
    Stats {
        #[command(flatten)]
        form: Form,
    },
    /// Copy the whole database to a file, also while the server runs.
    Backup {
        #[command(flatten)]
        args: BackupArgs,
        #[command(flatten)]
        form: Form,
    },
    /// Put a backup in the place of the database; the server must not run.
    Restore {
        #[command(flatten)]
        args: RestoreArgs,
        #[command(flatten)]
        form: Form,
    },
    /// What concerns the admin.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
        #[command(flatten)]
        form: Form,
    },
    /// The key that everything is sealed with.
    MasterKey {
        #[command(subcommand)]
        command: MasterKeyCommand,
        #[command(flatten)]
        form: Form,
    },
    /// Look for what is wrong: permissions, disk, clock, database, master key, upstreams.
    Doctor {
        #[command(flatten)]
        form: Form,
    },
    /// Tell by the exit code whether a server runs on the data directory and answers.
    Health,
    /// Print the description of the API, in OpenAPI's form.
    Openapi,
    /// Print a script that completes this program's commands in a shell.
    Completions { shell: Shell },
    /// Print the manual page.
    Man,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum AdminCommand {
    /// Make another admin token and show it; the one before is refused from then on.
    ResetToken,
}

#[derive(Debug, Subcommand)]
enum MasterKeyCommand {
    /// Seal everything with another key; the server must not run. Backups of before need the key of before.
    Rotate {
        /// The file that holds the new key, or is to hold it; needed where `MASTER_KEY` sets the key.
        #[arg(long, value_name = "FILE")]
        new_key: Option<PathBuf>,
    },
}

/// For whom the result is.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Form {
    /// Print one JSON document, for programs.
    #[arg(long, global = true)]
    json: bool,
}

/// How much of what was asked for was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    All,
    /// What was not is in the result.
    InPart,
}

/// Runs the program with the process's own command line and environment.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(&cli, &Environment::of_process(), &mut io::stdout(), &mut io::stderr()),
        Err(asked_or_wrong) => {
            let code = if asked_or_wrong.use_stderr() { USAGE_ERROR } else { 0 };
            finish(asked_or_wrong.print(), code)
        }
    }
}

fn run(cli: &Cli, environment: &Environment, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
    match cli.command.as_ref() {
        // Of the program itself: no configuration has to be right for it.
        Some(Command::Completions { shell }) => return finish(completions(*shell, out), 0),
        Some(Command::Man) => return finish(clap_mangen::Man::new(Cli::command()).render(out), 0),
        _ => {}
    }
    let config = match Config::resolve(&cli.args, environment) {
        Ok(config) => config,
        Err(problems) => return finish(print(err, &problem_lines(&problems)), USAGE_ERROR),
    };
    let command = cli.command.as_ref().unwrap_or(&Command::Serve);
    // A server that runs goes on with the certificate it has: that another cannot be used must not make it look ill, nor
    // keep anybody from a backup.
    if matches!(command, Command::Serve | Command::Demo | Command::Check)
        && let Err(error) = app::validate(&config)
    {
        return finish(print(err, &[failure_line(&error)]), USAGE_ERROR);
    }
    let done = match command {
        Command::Serve => {
            let (args, environment) = (cli.args.clone(), environment.clone());
            let read_again = Box::new(move || Config::resolve(&args, &environment));
            start(config, |config, log| app::serve(config, log, tell, read_again)).map(|()| Done::All)
        }
        Command::Demo => start(config, |config, log| app::demo(config, log, tell)).map(|()| Done::All),
        Command::Check => return check(&config, out, err),
        Command::Key { command, form } => {
            ask(config, *form, out, err, |admin, console| keys::run(command, admin, console))
        }
        Command::Token { command, form } => {
            ask(config, *form, out, err, |admin, console| tokens::run(command, admin, console))
        }
        Command::Stats { form } => ask(config, *form, out, err, statistics::run),
        Command::Backup { args, form } => {
            let keys = KeySource::of(&config);
            ask(config, *form, out, err, |admin, console| backup::back_up(args, &keys, admin, console))
        }
        Command::Restore { args, form } => backup::restore(args, &config, &mut Console::new(out, err, form.json)),
        Command::Admin { command: AdminCommand::ResetToken, form } => ask(config, *form, out, err, |admin, console| {
            let token = admin.post("/admin/token/reset", &serde_json::Value::Null)?;
            console.result(&token, |token| vec![console::shown(token, "token")])?;
            Ok(Done::All)
        }),
        Command::MasterKey { command: MasterKeyCommand::Rotate { new_key }, form } => {
            backup::rotate(new_key.as_deref(), &config, &mut Console::new(out, err, form.json))
        }
        Command::Doctor { form } => doctor::run(&config, &mut Console::new(out, err, form.json)),
        Command::Health => health(&config, out, err),
        Command::Openapi => ask(config, Form { json: true }, out, err, |admin, console| {
            console.result(&admin.get("/openapi.json")?, |_| Vec::new())?;
            Ok(Done::All)
        }),
        Command::Completions { .. } | Command::Man => Ok(Done::All),
    };
    match done {
        Ok(Done::All) => ExitCode::SUCCESS,
        Ok(Done::InPart) => ExitCode::from(DONE_IN_PART),
        Err(error) if is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => finish(print(err, &[failure_line(&error)]), RUNTIME_ERROR),
    }
}

/// Speaks to whoever answers for the data directory. Nothing of it is logged: what went wrong is told.
fn ask(
    config: Config,
    form: Form,
    out: &mut impl Write,
    err: &mut impl Write,
    command: impl FnOnce(&mut Admin, &mut Console<'_>) -> anyhow::Result<Done>,
) -> anyhow::Result<Done> {
    let dir = config.data_dir.clone();
    let is_new = !dir.join(storage::FILE_NAME).exists();
    let mut admin = Admin::new(Local::open(config, Clock::system())?);
    let mut console = Console::new(out, err, form.json);
    if is_new {
        // Most who see this are in the wrong directory.
        console.remark(&format!("note: there was no database in {}; an empty one was made", dir.display()))?;
    }
    let done = command(&mut admin, &mut console);
    let closed = admin.close();
    let done = done?;
    closed.map(|()| done)
}

/// Nothing is started for it: it is about the server that runs.
fn health(config: &Config, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<Done> {
    let mut admin = Admin::new(Local::connect(config)?);
    let answer = admin.get("/health")?;
    Console::new(out, err, false).result(&answer, |answer| vec![console::shown(answer, "status")])?;
    Ok(Done::All)
}

/// Asks a person at a terminal; nobody there has not agreed.
fn confirm(question: &str) -> io::Result<bool> {
    let (input, mut output) = (io::stdin(), io::stderr());
    if !input.is_terminal() {
        return Ok(false);
    }
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn completions(shell: Shell, out: &mut impl Write) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
    out.write_all(&script)?;
    out.flush()
}

/// A reader that left early, as `head` does, has had enough.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Starts the log before the application, so that nothing of its start is lost.
fn start(config: Config, application: impl FnOnce(Config, &Log) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let log = telemetry::init(&config.log)?;
    for notice in &config.notices {
        tracing::warn!("{notice}");
    }
    application(config, &log)
}

/// What only the person at the terminal may read. Whether it could be written changes nothing: there is nobody to tell.
fn tell(text: &str) {
    print(&mut io::stdout().lock(), &[text.to_owned()]).unwrap_or_default();
}

fn check(config: &Config, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
    let notices: Vec<String> = config.notices.iter().map(|notice| format!("note: {notice}")).collect();
    finish(print(out, &effective_lines(config)).and_then(|()| print(err, &notices)), 0)
}

/// Three aligned columns: name, value, source.
fn effective_lines(config: &Config) -> Vec<String> {
    let rows = config.effective();
    let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let value_width = rows.iter().map(|row| row.value.chars().count()).max().unwrap_or(0);
    let line = |row: &EffectiveValue| format!("{:name_width$}  {:value_width$}  {}", row.name, row.value, row.origin);
    rows.iter().map(line).collect()
}

fn problem_lines(problems: &[ConfigError]) -> Vec<String> {
    problems.iter().map(|problem| format!("error: {problem}")).collect()
}

/// The whole chain of causes in one line, for tools that read lines.
fn failure_line(error: &anyhow::Error) -> String {
    let chain = format!("{error:#}");
    let one_line: Vec<&str> = chain.split_whitespace().collect();
    format!("error: {}", one_line.join(" "))
}

fn print(to: &mut impl Write, lines: &[String]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(to, "{line}"))?;
    to.flush()
}

/// The exit code, unless the output could not be written. A reader that left early, as `head` does, has had enough.
fn finish(written: io::Result<()>, code: u8) -> ExitCode {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(code.max(RUNTIME_ERROR)),
        Ok(()) | Err(_) => ExitCode::from(code),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("ollama-api-pool").chain(line.split_whitespace()))
    }

    #[track_caller]
    fn config(line: &str) -> Config {
        let cli = parse(line).unwrap_or_else(|e| panic!("{e}"));
        Config::resolve(&cli.args, &Environment::default()).unwrap_or_else(|e| panic!("{:#?}", problem_lines(&e)))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_command() {
        for (line, command) in
            [("", Command::Serve), ("serve", Command::Serve), ("demo", Command::Demo), ("check", Command::Check)]
        {
            let parsed = parse(line).unwrap().command.unwrap_or_default();
            assert_eq!(std::mem::discriminant(&parsed), std::mem::discriminant(&command), "{line:?}");
        }
    }

    #[test]
    fn options_stand_on_either_side_of_the_command() {
        for line in ["--listen 127.0.0.1:9 check", "check --listen 127.0.0.1:9", "check --listen=127.0.0.1:9"] {
            assert_eq!(config(line).listen.port(), 9, "{line}");
        }
        let both = config("--workers 3 check --listen 127.0.0.1:9");
        assert_eq!((both.workers.get(), both.listen.port()), (3, 9));
    }

    #[test]
    fn a_switch_needs_no_value_and_takes_one() {
        for (line, is_enabled) in [
            ("", true),
            ("--disable-ollama", false),
            ("--disable-ollama check", false),
            ("check --disable-ollama", false),
            ("--disable-ollama=no", true),
        ] {
            assert_eq!(config(line).providers[0].is_enabled, is_enabled, "{line}");
        }
    }

    #[test]
    fn usage_errors_and_requests_for_help_are_told_apart() {
        for wrong in ["--nonsense", "frobnicate", "--listen", "--listen=", "--admin-token x", "--master-key x"] {
            assert!(parse(wrong).err().is_some_and(|e| e.use_stderr() && e.exit_code() == 2), "{wrong}");
        }
        for asked in ["--help", "-h", "--version", "-V", "check --help"] {
            assert!(parse(asked).err().is_some_and(|e| !e.use_stderr() && e.exit_code() == 0), "{asked}");
        }
    }

    #[test]
    fn help_says_how_secrets_are_given() {
        let help = Cli::command().render_long_help().to_string();
        for expected in
            ["--admin-token-file", "[env: LISTEN]", "[default: 127.0.0.1:8080]", "ADMIN_TOKEN", "Exit codes"]
        {
            assert!(help.contains(expected), "{expected} is not in:\n{help}");
        }
    }

    #[test]
    fn check_prints_every_value_with_its_source_and_no_secret() {
        let args = parse("check --workers 2").unwrap().args;
        let environment = Environment::new([("ADMIN_TOKEN", "correct-horse-battery"), ("LISTEN", "127.0.0.1:1")]);
        let config = Config::resolve(&args, &environment).ok().unwrap();
        let lines = effective_lines(&config);
        let columns = |name: &str| -> Vec<String> {
            let line = lines.iter().find(|line| line.split("  ").next().unwrap().trim() == name).unwrap();
            line.split("  ").map(str::trim).filter(|column| !column.is_empty()).map(str::to_owned).collect()
        };
        assert_eq!(columns("WORKERS"), ["WORKERS", "2", "--workers"]);
        assert_eq!(columns("LISTEN"), ["LISTEN", "127.0.0.1:1", "environment variable LISTEN"]);
        assert_eq!(columns("ADMIN_TOKEN"), ["ADMIN_TOKEN", "«set»", "environment variable ADMIN_TOKEN"]);
        assert_eq!(columns("MASTER_KEY"), ["MASTER_KEY", "«not set»", "default"]);
        assert!(!lines.concat().contains("correct-horse"), "{lines:#?}");
    }

    #[test]
    fn a_wrong_configuration_is_told_on_standard_error_with_exit_code_2() {
        let environment = Environment::new([("LISTEN", "nonsense"), ("WORKERS", "x")]);
        for line in ["check", "serve", ""] {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            assert_eq!(run(&parse(line).unwrap(), &environment, &mut out, &mut err), ExitCode::from(USAGE_ERROR));
            let err = String::from_utf8(err).unwrap();
            assert!(out.is_empty() && err.lines().all(|line| line.starts_with("error: ")), "{err}");
            assert_eq!(err.lines().count(), 2, "{err}");
        }
    }

    #[test]
    fn a_good_configuration_is_printed_and_notices_are_kept_apart() {
        let environment = Environment::new([("REDIS_URL", "redis://x")]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(run(&parse("check").unwrap(), &environment, &mut out, &mut err), ExitCode::SUCCESS);
        assert!(String::from_utf8(out).unwrap().starts_with("CONFIG_FILE "));
        assert!(String::from_utf8(err).unwrap().starts_with("note: REDIS_URL (environment) has no effect"));
    }

    #[test]
    fn a_reader_that_left_changes_nothing_but_a_full_disk_does() {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        assert_eq!(finish(gone(), 0), ExitCode::SUCCESS);
        assert_eq!(finish(gone(), USAGE_ERROR), ExitCode::from(USAGE_ERROR));
        assert_eq!(finish(Err(io::ErrorKind::StorageFull.into()), 0), ExitCode::from(RUNTIME_ERROR));
    }

    #[test]
    fn a_failure_is_one_line_with_its_causes() {
        let error = anyhow::anyhow!("no space\nleft").context("writing x").context("opening the database");
        assert_eq!(failure_line(&error), "error: opening the database: writing x: no space left");
    }
}
