//! Streamed answers, against a cutter that looks at every byte.

use bytes::Bytes;

use super::cuts::cuts;
use super::error_body::{check_in_band, check_usage};
use super::json::Members;
use crate::domain::answer::InBandError;
use crate::domain::answer::lone_surrogates;
use crate::domain::api_form::{ApiForm, StreamFraming};
use crate::domain::stream::{Scanner, StreamEnd, Tail, error_event};
use crate::domain::usage::TokenUsage;

const FORMS: [ApiForm; 4] = [ApiForm::Chat, ApiForm::Responses, ApiForm::Messages, ApiForm::OllamaChat];

/// A streamed answer. What is forwarded, and what is learned, is the same in any cut; whole events go out, unchanged, but
/// for the one usage chunk that we asked for; no more than the tail's limit is held; figures are believable. An error
/// event of ours is one event, whatever it quotes.
///
/// The first two SUBs stand for about as many letters as a tail may hold; the byte behind them says how many exactly.
pub fn stream(data: &[u8]) {
    let wire = expanded(data);
    let is_long = wire.len() > data.len();
    let mut ways = cuts(&wire);
    // Long ones take long, and all forms hold their tails alike.
    ways.truncate(if is_long { 1 } else { ways.len() });
    for form in FORMS.into_iter().filter(|form| !is_long || matches!(form, ApiForm::Chat | ApiForm::OllamaChat)) {
        let ends = ends(form.framing(), &wire);
        let whole = read(form, Some(&ends), &[&wire]);
        assert_eq!([&whole.forwarded[..], &whole.tail.bytes].concat(), wire, "the bytes changed");
        check_usage(whole.usage);
        if let Some(error) = &whole.error {
            check_in_band(error);
        }
        for parts in &ways {
            assert_eq!(read(form, Some(&ends), parts), whole, "cut otherwise");
        }
        if form.has_stream_options() {
            let stripped = read(form, None, &[&wire]);
            check_stripped(&whole, &stripped, &wire);
            for parts in &ways {
                assert_eq!(read(form, None, parts), stripped, "cut otherwise");
            }
        }
        quoted(form, &String::from_utf8_lossy(data));
    }
}

/// What a scanner knows at the end, and what it forwarded.
#[derive(Debug, PartialEq)]
struct Outcome {
    forwarded: Vec<u8>,
    tail: Tail,
    is_meaningful_seen: bool,
    usage: TokenUsage,
    end: StreamEnd,
    error: Option<InBandError>,
    model: Option<String>,
}

/// Reads these parts: without taking anything away where it is known where their pieces end, else without the usage chunk.
fn read(form: ApiForm, ends: Option<&[usize]>, parts: &[&[u8]]) -> Outcome {
    let mut scanner = Scanner::new(form, ends.is_none());
    let mut forwarded = Vec::new();
    let mut came = 0;
    for part in parts {
        came += part.len();
        forwarded.extend_from_slice(&scanner.push(Bytes::copy_from_slice(part)));
        if let Some(ends) = ends {
            assert!(came - forwarded.len() <= Scanner::LONGEST_TAIL, "{} bytes are held", came - forwarded.len());
            assert!(is_whole(ends, forwarded.len(), came), "a part of an event went out");
        }
    }
    let tail = scanner.finish();
    Outcome {
        forwarded,
        tail,
        is_meaningful_seen: scanner.is_meaningful_seen(),
        usage: scanner.usage(),
        end: scanner.end(),
        error: scanner.error().cloned(),
        model: scanner.model().map(str::to_owned),
    }
}

/// Where pieces end, and begin. Of an end in CRLF either byte may be the last that came.
fn ends(framing: StreamFraming, wire: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    let mut line_start = 0;
    let mut bytes = wire.iter().zip(1..).peekable();
    while let Some((byte, after)) = bytes.next() {
        let is_end = match (framing, byte) {
            (StreamFraming::Sse, b'\r' | b'\n') => {
                let is_blank = line_start == after - 1;
                ends.extend(is_blank.then_some(after));
                is_blank
            }
            (StreamFraming::Ndjson, b'\n') => true,
            (StreamFraming::Sse | StreamFraming::Ndjson, _) => continue,
        };
        let lf = bytes.next_if(|(next, _)| framing == StreamFraming::Sse && (*byte, **next) == (b'\r', b'\n'));
        let end = lf.map_or(after, |(_, after)| after);
        line_start = end;
        ends.extend(is_end.then_some(end));
    }
    ends.dedup();
    ends
}

/// Whether everything up to here is whole pieces, or inside of one that is too long to wait for.
fn is_whole(ends: &[usize], at: usize, came: usize) -> bool {
    let (before, after) = ends.split_at(ends.partition_point(|end| *end <= at));
    let start = before.last().copied().unwrap_or_default();
    start == at || after.first().map_or(came, |end| *end) - start > Scanner::LONGEST_TAIL
}

/// With the usage chunk taken away all else is as it was.
fn check_stripped(whole: &Outcome, stripped: &Outcome, wire: &[u8]) {
    let learned =
        |outcome: &Outcome| (outcome.usage, outcome.end, outcome.is_meaningful_seen, outcome.tail.is_truncated);
    assert_eq!(learned(whole), learned(stripped));
    assert_eq!((&whole.error, &whole.model), (&stripped.error, &stripped.model));
    let rest = [&stripped.forwarded[..], &stripped.tail.bytes].concat();
    let missing = wire.len() - rest.len();
    let same = wire.iter().zip(&rest).take_while(|(a, b)| a == b).count();
    // Where what is left repeats itself there are several places from which the same may have been taken.
    let taken = (0..=same).rev().take_while(|at| wire.get(at + missing..) == rest.get(*at..));
    let is_usage = |at: usize| wire.get(at..at + missing).is_some_and(is_usage_chunk);
    assert!(missing == 0 || taken.into_iter().any(is_usage), "{missing} bytes are missing");
}

/// Whether the data of an event is an object with a usage and without a choice.
fn is_usage_chunk(event: &[u8]) -> bool {
    let text = String::from_utf8_lossy(event).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.split('\n').filter_map(|line| match line.strip_prefix("data")? {
        "" => Some(""),
        value => value.strip_prefix(':').map(|value| value.strip_prefix(' ').unwrap_or(value)),
    });
    let data = lines.collect::<Vec<_>>().join("\n");
    let mended = lone_surrogates::mended(data.as_bytes()).and_then(|mended| String::from_utf8(mended).ok());
    let data = mended.unwrap_or(data);
    let Some(chunk) = Members::read(&data) else { return false };
    let choices = chunk.last("choices").and_then(|raw| serde_json::from_str::<Vec<serde::de::IgnoredAny>>(raw).ok());
    choices.is_some_and(|choices| choices.is_empty()) && chunk.last("usage").is_some_and(|usage| usage != "null")
}

/// An error event with this text in it.
fn quoted(form: ApiForm, text: &str) {
    let event = error_event(form, text, "upstream_error");
    let ends = ends(form.framing(), &event);
    assert_eq!(ends, [0, event.len()], "not one event: {text:?}");
    let seen = read(form, Some(&ends), &[&event]);
    assert_eq!(seen.forwarded, event);
    assert!(seen.error.is_some() && !seen.is_meaningful_seen, "not an error: {text:?}");
}

fn expanded(data: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = b"\x1a\x1a";
    const SHORTER: usize = 128;
    let split = memchr::memmem::find(data, MARK).and_then(|at| data.split_at_checked(at));
    match split.and_then(|(before, rest)| Some((before, rest.strip_prefix(MARK)?.split_first()?))) {
        Some((before, (count, after))) => {
            let letters = vec![b'x'; Scanner::LONGEST_TAIL - SHORTER + usize::from(*count)];
            [before, &letters, after].concat()
        }
        None => data.to_vec(),
    }
}
