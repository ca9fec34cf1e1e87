//! Whatever an upstream sends, in whatever pieces: nothing hangs, and nothing incomplete passes for complete.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A chunked message of these chunks and its payload.
fn encode(chunks: &[(Vec<u8>, String)], trailers: &[String]) -> (Vec<u8>, Vec<u8>) {
    let mut wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let mut payload = Vec::new();
    for (chunk, extension) in chunks {
        wire.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
        payload.extend_from_slice(chunk);
    }
    wire.extend_from_slice(b"0\r\n");
    for trailer in trailers {
        wire.extend_from_slice(trailer.as_bytes());
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"\r\n");
    (wire, payload)
}

/// Cuts a message into pieces, which are then written one by one.
fn split(wire: &[u8], cuts: &[prop::sample::Index]) -> Vec<Step> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
    cuts.sort_unstable();
    let mut steps = Vec::new();
    let mut start = 0;
    for cut in cuts.into_iter().chain([wire.len()]) {
        steps.push(send(&wire[start..cut]));
        start = cut;
    }
    steps
}

struct Seen {
    payload: Vec<u8>,
    is_complete: bool,
    idle: usize,
}

/// Fetches one answer, `None` when there was no valid head.
fn fetch(steps: Vec<Step>) -> Option<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start(vec![[vec![Step::Request], steps].concat()]);
        let transport = transport();
        let exchange = async {
            let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"{}")).await.ok()?;
            let (payload, error) = collect(&mut response.body).await;
            assert_eq!(error.is_none(), response.body.is_complete());
            Some(Seen { payload, is_complete: response.body.is_complete(), idle: transport.idle.len() })
        };
        tokio::time::timeout(LIMIT, exchange).await.expect("an answer never hangs")
    })
}

fn chunks() -> impl Strategy<Value = Vec<(Vec<u8>, String)>> {
    let extension = "( |\t)?(;[a-z]{0,6}(=\"[ -!#-~]{0,10}\")?)?";
    vec((vec(any::<u8>(), 1..6000), extension), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn chunked_bodies_arrive_whole(
        chunks in chunks(),
        trailers in vec("[a-z]{1,8}: [ -~]{0,20}", 0..4),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
        extra in prop::option::of(vec(any::<u8>(), 1..4)),
    ) {
        let (mut wire, payload) = encode(&chunks, &trailers);
        // Bytes after the end must be read together with it to be noticed by the body.
        let mut steps = if extra.is_none() { split(&wire, &cuts) } else { Vec::new() };
        let reused = usize::from(extra.is_none());
        if let Some(extra) = extra {
            wire.extend(extra);
            steps.push(send(&wire));
        }
        let is_small = wire.len() < 4096;
        let seen = fetch(steps).expect("a valid head");
        prop_assert!(seen.is_complete && seen.payload == payload);
        prop_assert!(seen.idle == reused || !is_small);
    }

    #[test]
    fn messages_that_were_cut_short_are_not_complete(
        chunks in chunks(),
        cut in any::<prop::sample::Index>(),
        has_length in any::<bool>(),
    ) {
        let (mut wire, payload) = encode(&chunks, &[]);
        if has_length {
            wire = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", payload.len()).into_bytes();
            wire.extend_from_slice(&payload);
        }
        let seen = fetch(vec![send(&wire[..cut.index(wire.len())])]);
        if let Some(seen) = seen {
            prop_assert!(!seen.is_complete && seen.idle == 0);
            prop_assert!(payload.starts_with(&seen.payload));
        }
    }

    #[test]
    fn garbage_neither_panics_nor_hangs(
        chunks in chunks(),
        noise in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        random in prop::option::of(vec(any::<u8>(), 0..2000)),
    ) {
        let (mut wire, _) = encode(&chunks, &[]);
        for (at, byte) in noise {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        fetch(vec![send(random.unwrap_or(wire))]);
    }
}
