//! Headers that say when to ask again.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::retry_after::{LONGEST, parse, reset, wait};
use crate::domain::time::Timestamp;

const NAMES: [&str; 3] = ["retry-after-ms", "retry-after", "x-ratelimit-reset"];
const SECOND: Duration = Duration::from_secs(1);

/// Three lines are the values of three headers. What they state lies in the future and no further than a week; asked again
/// it is the same, and a second later it is the same moment or the same wait.
pub fn retry_after(data: &[u8]) {
    let values = NAMES.iter().zip(data.split(|byte| *byte == b'\n'));
    let headers: HeaderMap = values
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?)))
        .collect();
    let reset_in = |now| headers.get("x-ratelimit-reset").and_then(|value| reset(value.to_str().ok()?, now));
    for now in [0, 1_795_298_400_000, 4_102_444_800_000, i64::MAX].map(Timestamp::from_millis) {
        check(now, |now| parse(&headers, now));
        check(now, |now| wait(&headers, now));
        check(now, reset_in);
        if let Some(stated) = wait(&headers, now) {
            assert_eq!(parse(&headers, now), Some(stated), "a reset replaced what was stated");
        }
    }
}

fn check(now: Timestamp, read: impl Fn(Timestamp) -> Option<Timestamp>) {
    let Some(moment) = read(now) else { return };
    assert!(now < moment && moment <= now + LONGEST, "{moment:?} at {now:?}");
    assert_eq!(read(now), Some(moment), "the same text says something else");
    let later = now + SECOND;
    let is_same = match read(later) {
        None => moment <= later,
        Some(again) => again == moment || again == moment + SECOND || again == later + LONGEST,
    };
    assert!(is_same, "{moment:?} at {now:?} becomes {:?}", read(later));
}
