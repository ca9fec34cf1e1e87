//! Everything that an upstream sends on a connection.

use http::Method;

use super::cuts::cuts;
use crate::transport::Malformed;
use crate::transport::replay::{self, Answer, End};

/// What the connection is about, and no client is told.
const OURS: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// All that an upstream sends on one connection for one request. An answer is the same in any cut; it takes no more bytes
/// than its framing says, and what is left over is never a part of it; only a connection that is at a clean end of an
/// unambiguous message is used again.
pub fn response(data: &[u8]) {
    for method in [Method::POST, Method::HEAD] {
        let whole = replay::answer(&method, &[data]);
        for parts in cuts(data) {
            check_same(whole.as_ref(), replay::answer(&method, &parts));
        }
        if let Some(Ok(answer)) = &whole {
            check(&method, answer, data);
        }
    }
}

fn check_same(whole: Option<&Result<Answer, Malformed>>, again: Option<Result<Answer, Malformed>>) {
    match (whole, again) {
        // A fault is seen where it stands or when the head is complete.
        (None | Some(Err(_)), None | Some(Err(_))) => {}
        (Some(Ok(whole)), Some(Ok(again))) => {
            let is_malformed = matches!(whole.end, End::Malformed(_));
            assert!(is_malformed || again == *whole, "cut otherwise: {again:?} instead of {whole:?}");
            assert_eq!((again.end, again.is_reusable), (whole.end, whole.is_reusable), "cut otherwise");
            assert_eq!((again.status, &again.headers), (whole.status, &whole.headers), "cut otherwise");
        }
        (whole, again) => unreachable!("cut otherwise: {again:?} instead of {whole:?}"),
    }
}

fn check(method: &Method, answer: &Answer, data: &[u8]) {
    let Answer { status, headers, is_until_close, payload, end, left, is_reusable } = answer;
    assert!(status.as_u16() >= 200, "{status} is not final");
    assert!(headers.keys().all(|name| !OURS.contains(&name.as_str())), "{headers:?}");
    let lengths: Vec<_> = headers.get_all("content-length").iter().collect();
    assert!(lengths.len() <= 1, "{headers:?}");
    let has_no_body = *method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
    assert!(!has_no_body || (payload.is_empty() && *end == End::Complete), "a body that cannot be");
    if let Some(length) = lengths.first().filter(|_| !has_no_body) {
        let length: u64 = length.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
        assert!(payload.len() as u64 <= length, "more than was announced");
        assert_eq!(payload.len() as u64 == length, *end == End::Complete, "{end:?}");
    }
    // After a fault nobody reads what is left.
    assert!(matches!(end, End::Malformed(_)) || data.ends_with(left), "the bytes that are left over are not the last");
    let is_plain = !lengths.is_empty() || *is_until_close;
    assert!(!is_plain || data.strip_suffix(&left[..]).is_some_and(|message| message.ends_with(payload)));
    assert!(!*is_until_close || left.is_empty(), "something is behind the end of everything");
    assert!(!is_reusable || (*end == End::Complete && left.is_empty() && !is_until_close), "{answer:?}");
    assert!(!(*is_reusable && is_ambiguous(data)), "a connection is trusted again: {answer:?}");
}

/// Whether the last head, which is the final one, has both a length and a coding.
fn is_ambiguous(data: &[u8]) -> bool {
    let mut lines = data.split(|byte| *byte == b'\n').map(<[u8]>::to_ascii_lowercase);
    let mut has = [false; 2];
    // Interim heads before it are passed over.
    while let Some(line) = lines.by_ref().find(|line| line.starts_with(b"http/1.")) {
        has = [false; 2];
        for line in lines.by_ref().take_while(|line| !matches!(&line[..], b"" | b"\r")) {
            has[0] |= line.starts_with(b"content-length:");
            has[1] |= line.starts_with(b"transfer-encoding:");
        }
        if line.get(9) != Some(&b'1') {
            break;
        }
    }
    has == [true; 2]
}
