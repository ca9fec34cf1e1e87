//! Where log lines go: to standard error, as text for people or as JSON for collectors; where nobody chose, as text on a
//! terminal and as JSON otherwise.
//!
//! Nothing is redacted here, because nothing needs it: secrets are types that cannot be formatted.
//!
//! Lines are written by a thread of their own, so that a request never waits for a terminal, a pipe or a disk. When that
//! thread falls behind by too many lines, further ones are dropped and counted; `/metrics` has the count.

mod panics;

use std::io::{self, BufWriter, IsTerminal};
use std::sync::Arc;

use anyhow::Context;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::reload::Handle;

pub(crate) use panics::Request;

use crate::config::{LogConfig, LogFormat};

/// Lines that may wait to be written. Their room is taken at the start.
const WAITING_LINES: usize = 8_192;

/// The running log. What waits is written when this is dropped.
pub struct Log {
    dropped: DroppedLines,
    filter: Filter,
    _writer: WorkerGuard,
}

/// How many lines were dropped because too many waited. Without a log none ever is.
#[derive(Clone, Default)]
pub struct DroppedLines(Option<ErrorCounter>);

impl Log {
    pub fn dropped_lines(&self) -> DroppedLines {
        self.dropped.clone()
    }

    pub(crate) fn filter(&self) -> Filter {
        self.filter.clone()
    }
}

/// Which lines are written: can be changed while the log runs.
#[derive(Clone)]
pub(crate) struct Filter(Arc<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send + Sync>);

impl Filter {
    pub(crate) fn replace(&self, config: &LogConfig) -> anyhow::Result<()> {
        (self.0)(filter(config)?)
    }
}

impl DroppedLines {
    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |counter| counter.dropped_lines() as u64)
    }
}

/// Starts logging for the whole process.
///
/// # Errors
/// When logging was started before.
pub fn init(config: &LogConfig) -> anyhow::Result<Log> {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).thread_name("log");
    let (writer, guard) = builder.finish(BufWriter::new(io::stderr()));
    let dropped = DroppedLines(Some(writer.error_counter()));
    let (dispatch, filter) = subscriber(config, writer, io::stderr().is_terminal())?;
    tracing::dispatcher::set_global_default(dispatch).context("starting the log")?;
    panics::log_them();
    Ok(Log { dropped, filter, _writer: guard })
}

/// The subscriber that [`init`] installs, writing to any sink.
fn subscriber<W>(config: &LogConfig, sink: W, is_terminal: bool) -> anyhow::Result<(tracing::Dispatch, Filter)>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter(config)?).with_writer(sink);
    let is_json = match config.format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    if is_json {
        let builder = builder.json().flatten_event(true).with_span_list(false).with_filter_reloading();
        let filter = replacing(builder.reload_handle());
        return Ok((builder.into(), filter));
    }
    // On a terminal the library's own choice stays, which respects `NO_COLOR`.
    let builder = if is_terminal { builder } else { builder.with_ansi(false) }.with_filter_reloading();
    let filter = replacing(builder.reload_handle());
    Ok((builder.into(), filter))
}

fn filter(config: &LogConfig) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder().parse(config.filter.as_str()).context("reading the log filter")
}

fn replacing<S: 'static>(handle: Handle<EnvFilter, S>) -> Filter {
    Filter(Arc::new(move |filter| handle.reload(filter).context("replacing the log filter")))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;
    use crate::config::LogFilter;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, filter: &str, is_terminal: bool, tell: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let config = LogConfig { format, filter: LogFilter::parse(filter).unwrap() };
        let (dispatch, _) = subscriber(&config, move || writer.clone(), is_terminal).unwrap();
        tracing::dispatcher::with_default(&dispatch, tell);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    /// What is logged off a terminal.
    pub(super) fn logged(format: LogFormat, filter: &str, tell: impl FnOnce()) -> String {
        written(format, filter, false, tell)
    }

    fn two_lines() {
        tracing::info!(provider.id = "ollama", "key rests");
        tracing::debug!("a detail");
    }

    #[test]
    fn nobodys_choice_is_text_on_a_terminal_and_json_elsewhere() {
        let first = |format, is_terminal| written(format, "info", is_terminal, two_lines).starts_with('{');
        assert_eq!([true, false].map(|is_terminal| first(LogFormat::Auto, is_terminal)), [false, true]);
        assert_eq!([true, false].map(|is_terminal| first(LogFormat::Text, is_terminal)), [false, false]);
        assert_eq!([true, false].map(|is_terminal| first(LogFormat::Json, is_terminal)), [true, true]);
    }

    #[test]
    fn text_has_no_escape_codes_off_a_terminal_and_respects_the_level() {
        let text = logged(LogFormat::Text, "info", two_lines);
        assert!(text.contains("key rests") && text.contains("provider.id=\"ollama\""), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("a detail"), "{text}");
        assert!(logged(LogFormat::Text, "debug", two_lines).contains("a detail"));
    }

    #[test]
    fn json_is_one_object_per_line_with_fields_at_the_top() {
        let text = logged(LogFormat::Json, "info,ollama_api_pool=debug", two_lines);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "key rests");
        assert_eq!(lines[0]["provider.id"], "ollama");
        assert_eq!(lines[1]["level"], "DEBUG");
    }

    #[test]
    fn a_line_of_a_background_task_has_the_tasks_name() {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let task = || async { tracing::warn!("cannot") };
            runtime.block_on(crate::jobs::spawn(runtime.handle(), "tidy up", task)).unwrap();
        };
        let text = logged(LogFormat::Text, "warn", run);
        assert!(text.contains("background{task=\"tidy up\"}"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json, "warn", run)).unwrap();
        assert_eq!((&json["span"]["task"], &json["message"]), (&"tidy up".into(), &"cannot".into()), "{json}");
    }
}
