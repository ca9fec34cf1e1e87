//! Stand-in for an upstream that speaks the OpenAI chat form, made to cost far less CPU than any gateway in front of it.
//!
//!     upstream ADDRESS THREADS
//!
//! `POST …/chat/completions` with `Authorization: Bearer …-N` (N: 0 to 9) answers 600 bytes of JSON, or, with
//! `"stream":true`, server-sent events: the model `bench-100x5` asks for 100 chunks, each written on its own, 5 ms apart.
//! The first chunk goes out at once together with the head, so that no timer's resolution enters the time to first chunk.
//! Usage follows in an event of its own where `"include_usage":true` asks for it, as the real ones do.
//! `GET /keys` answers how often each of the ten keys was used, as a JSON array.
//!
//! It keeps no state but those counters: what to answer is said by each request, so that it needs no control channel.
//! It reads HTTP/1.1 with `Content-Length` only, which is what the gateways send.

use std::env;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const ANSWER: &str = concat!(
    r#"{"id":"chatcmpl-71900000","object":"chat.completion","created":1732220000,"model":"bench","#,
    r#""system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant","content":"#,
    r#""Here is a short answer of two sentences, long enough to be plausible and always the same. "#,
    r#"It exists so that every gateway in front of this server relays the same number of bytes for each request, "#,
    r#"with the usual fields around the text and the usual account of its tokens after it, as in the real answers of this form."},"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":31,"completion_tokens":58,"total_tokens":89}}"#,
);
const _: () = assert!(ANSWER.len() == 600);

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
    transfer-encoding: chunked\r\n\r\n";
const EVENT_START: &str =
    r#"data: {"id":"chatcmpl-71900000","object":"chat.completion.chunk","created":1732220000,"model":"bench","#;
const LISTEN_BACKLOG: u32 = 4096;
const MAX_REQUEST_BYTES: usize = 64 << 20;

#[derive(Default)]
struct KeyCounts([AtomicU64; 10]);

impl KeyCounts {
    fn to_json(&self) -> String {
        let counts: Vec<String> = self.0.iter().map(|count| count.load(Relaxed).to_string()).collect();
        format!("[{}]", counts.join(","))
    }
}

/// What one request asks for, without borrowing from the input.
struct Request {
    path: Path,
    key: Option<usize>,
    body: std::ops::Range<usize>,
    close: bool,
}

enum Path {
    Chat,
    Keys,
    Other,
}

#[derive(Clone, Copy)]
struct Plan {
    chunks: u32,
    delay: Duration,
    usage: bool,
}

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let address = args.next().and_then(|text| text.parse::<SocketAddr>().ok());
    let threads = args.next().and_then(|text| text.parse::<usize>().ok());
    let (Some(address), Some(threads @ 1..=64)) = (address, threads) else {
        eprintln!("usage: upstream ADDRESS THREADS, e.g. upstream 127.0.0.1:9100 2");
        return ExitCode::from(2);
    };
    let keys = &*Box::leak(Box::new(KeyCounts::default()));
    let workers: Vec<_> = (0..threads).map(|_| thread::spawn(move || work(address, keys))).collect();
    for worker in workers {
        if let Ok(Err(error)) = worker.join() {
            eprintln!("upstream: {address}: {error}");
        }
    }
    ExitCode::FAILURE
}

/// One thread: a listener and a runtime of its own, so that the threads share nothing but the counters.
fn work(address: SocketAddr, keys: &'static KeyCounts) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = listen(address)?;
        loop {
            let (socket, _) = listener.accept().await?;
            tokio::task::spawn_local(async move {
                // A connection that breaks is its peer's business: the load client counts what went missing.
                drop(serve(socket, keys).await);
            });
        }
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

async fn serve(mut socket: TcpStream, keys: &KeyCounts) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut input = Vec::with_capacity(16 * 1024);
    let mut output = Vec::with_capacity(1024);
    while let Some(request) = read_request(&mut socket, &mut input).await? {
        let body = &input[request.body.clone()];
        match (&request.path, request.key) {
            (Path::Keys, _) => put_answer(&mut output, "200 OK", &keys.to_json()),
            (Path::Other, _) => put_answer(&mut output, "404 Not Found", r#"{"error":{"message":"no such route"}}"#),
            (Path::Chat, None) => put_answer(&mut output, "401 Unauthorized", r#"{"error":{"message":"no key"}}"#),
            (Path::Chat, Some(key)) => {
                keys.0[key].fetch_add(1, Relaxed);
                match Plan::of(body) {
                    Some(plan) => stream(&mut socket, &mut output, plan).await?,
                    None => put_answer(&mut output, "200 OK", ANSWER),
                }
            }
        }
        socket.write_all(&output).await?;
        output.clear();
        if request.close {
            break;
        }
        input.drain(..request.body.end);
    }
    Ok(())
}

/// The next whole request at the start of `input`, or `None` when the client is through.
async fn read_request(socket: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some(request) = parse(input)?
            && input.len() >= request.body.end
        {
            return Ok(Some(request));
        }
        if input.len() > MAX_REQUEST_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if socket.read_buf(input).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(input: &[u8]) -> io::Result<Option<Request>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let parsed = head.parse(input).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(start) = parsed else { return Ok(None) };
    let path = match head.path.unwrap_or_default() {
        path if path.ends_with("/chat/completions") => Path::Chat,
        "/keys" => Path::Keys,
        _ => Path::Other,
    };
    let mut request = Request { path, key: None, body: start..start, close: head.version == Some(0) };
    for header in head.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse::<usize>().ok());
            request.body.end = start + length.ok_or(io::ErrorKind::InvalidData)?.min(MAX_REQUEST_BYTES);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(io::ErrorKind::Unsupported.into());
        } else if header.name.eq_ignore_ascii_case("authorization") {
            request.key = key_number(header.value);
        } else if header.name.eq_ignore_ascii_case("connection") {
            request.close = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    Ok(Some(request))
}

fn key_number(authorization: &[u8]) -> Option<usize> {
    match authorization {
        [b'B', b'e', b'a', b'r', b'e', b'r', b' ', .., b'-', digit @ b'0'..=b'9'] => Some(usize::from(digit - b'0')),
        _ => None,
    }
}

impl Plan {
    /// The stream that the body asks for, or `None` where it wants a plain answer.
    fn of(body: &[u8]) -> Option<Self> {
        if !is_set(body, b"\"stream\"") {
            return None;
        }
        let model = &body[memchr::memmem::find(body, b"\"bench-")? + 7..];
        let text = std::str::from_utf8(&model[..memchr::memchr(b'"', model)?]).ok()?;
        let (chunks, delay_ms) = text.split_once('x')?;
        let delay = Duration::from_millis(delay_ms.parse().ok()?);
        Some(Self { chunks: chunks.parse().ok()?, delay, usage: is_set(body, b"\"include_usage\"") })
    }
}

fn is_set(body: &[u8], name: &[u8]) -> bool {
    memchr::memmem::find(body, name).is_some_and(|at| {
        let value = body[at + name.len()..].trim_ascii_start();
        value.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"true"))
    })
}

fn put_answer(output: &mut Vec<u8>, status: &str, body: &str) {
    let length = body.len();
    output.extend_from_slice(
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .as_bytes(),
    );
}

/// Writes all but the end of the stream, which is left in `output` together with the last chunk of the encoding.
async fn stream(socket: &mut TcpStream, output: &mut Vec<u8>, plan: Plan) -> io::Result<()> {
    output.extend_from_slice(STREAM_HEAD);
    // Not `interval`: its first tick, although due at once, waits for the timer's next millisecond.
    let mut ticks = (!plan.delay.is_zero()).then(|| interval_at(Instant::now() + plan.delay, plan.delay));
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut event = format!(
        "{EVENT_START}{}\n\n",
        r##""system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"#0000 text"},"finish_reason":null}]}"##
    )
    .into_bytes();
    let digits = memchr::memchr(b'#', &event).unwrap_or_default() + 1;
    for number in 0..plan.chunks {
        write!(&mut event[digits..digits + 4], "{:04}", number % 10_000)?;
        put_chunk(output, &event);
        socket.write_all(output).await?;
        output.clear();
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
    }
    let stop = r#""choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}"#;
    let mut end = format!("{EVENT_START}{stop}\n\n");
    if plan.usage {
        let (chunks, total) = (plan.chunks, plan.chunks + 31);
        end += &format!(
            "{EVENT_START}\"choices\":[],\"usage\":{{\"prompt_tokens\":31,\"completion_tokens\":{chunks},\
             \"total_tokens\":{total}}}}}\n\n"
        );
    }
    end += "data: [DONE]\n\n";
    put_chunk(output, end.as_bytes());
    output.extend_from_slice(b"0\r\n\r\n");
    Ok(())
}

fn put_chunk(output: &mut Vec<u8>, data: &[u8]) {
    output.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    output.extend_from_slice(data);
    output.extend_from_slice(b"\r\n");
}
