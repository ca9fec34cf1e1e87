//! Load client for plain and streamed chat completions: one thread, one JSON line of results.
//!
//!     load URL TOKEN CONNECTIONS seconds=S|each=N [model=bench-100x0] [limit=SECONDS]
//!
//! Each connection sends one request after the other, for S seconds or N times. Every body is unique, so that no response
//! cache can answer. With a model the answer is streamed, and is good only when every chunk of it arrived, in order,
//! followed by `[DONE]` and the end of the body; otherwise it is good when it is a whole 200. `limit` bounds the run:
//! what is still open then counts as broken. The first byte of a stream is that of its first chunk with content.

mod response;

use std::cell::RefCell;
use std::env;
use std::io;
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, timeout_at};

use response::{Progress, Response};

const SERIAL_DIGITS: usize = 20;

struct Plan {
    address: String,
    /// A whole request; the serial number at `serial_at` is overwritten each time.
    request: Vec<u8>,
    serial_at: usize,
    chunks: Option<u32>,
    connections: u64,
    until: Option<Instant>,
    each: u64,
    limit: Instant,
}

#[derive(Default)]
struct Tally {
    serial: u64,
    open: u64,
    good: u64,
    refused: u64,
    broken: u64,
    first_us: Vec<u32>,
    whole_us: Vec<u32>,
}

enum Outcome {
    Good { first: Duration, whole: Duration, keep_alive: bool },
    Refused,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let Some(plan) = Plan::parse(&args, Instant::now()) else {
        eprintln!(
            "usage: load http://HOST:PORT/PATH TOKEN CONNECTIONS seconds=S|each=N [model=bench-100x0] [limit=SECONDS]"
        );
        return ExitCode::from(2);
    };
    match run(plan) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Plan {
    fn parse(args: &[String], now: Instant) -> Option<Self> {
        let [url, token, connections, options @ ..] = args else { return None };
        let option = |name: &str| options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
        let number = |name: &str| option(name).map(str::parse::<f64>).transpose().ok();
        let (address, path) = url.strip_prefix("http://")?.split_once('/')?;
        let seconds = number("seconds")?;
        let each = number("each")?.unwrap_or_default();
        let model = option("model");
        let chunks = match model {
            Some(model) => Some(model.strip_prefix("bench-")?.split_once('x')?.0.parse().ok()?),
            None => None,
        };
        let stream = if model.is_some() { r#","stream":true"# } else { "" };
        let body = format!(
            r#"{{"model":"{}","messages":[{{"role":"system","content":"You are a helpful assistant."}},{{"role":"user","content":"Answer request {:0SERIAL_DIGITS$} in two sentences, please."}}],"max_tokens":64{stream}}}"#,
            model.unwrap_or("bench"),
            0
        );
        let length = body.len();
        let head = format!(
            "POST /{path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: bench\r\naccept: */*\r\n\
             authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        let serial_at = head.len() + body.find(&"0".repeat(SERIAL_DIGITS))?;
        Some(Self {
            address: address.to_owned(),
            request: [head, body].concat().into_bytes(),
            serial_at,
            chunks,
            connections: connections.parse().ok()?,
            until: seconds.map(|seconds| now + Duration::from_secs_f64(seconds)),
            each: each as u64,
            limit: now + Duration::from_secs_f64(number("limit")?.unwrap_or(60.0)),
        })
        .filter(|plan| plan.until.is_some() != (plan.each > 0))
    }
}

fn run(plan: Plan) -> io::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plan = Rc::new(plan);
    let tally = Rc::new(RefCell::new(Tally::default()));
    let started = Instant::now();
    LocalSet::new().block_on(&runtime, async {
        let mut connections = JoinSet::new();
        for _ in 0..plan.connections {
            connections.spawn_local(connection(Rc::clone(&plan), Rc::clone(&tally)));
        }
        // Beyond the limit the remaining connections are cut and what they had open is reported as broken.
        drop(timeout_at(plan.limit, async { while connections.join_next().await.is_some() {} }).await);
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut tally = tally.borrow_mut();
    let tally = &mut *tally;
    Ok(format!(
        r#"{{"good":{},"refused":{},"broken":{},"seconds":{seconds:.4},"first_us_p50":{},"first_us_p99":{},"whole_us_p50":{},"whole_us_p99":{}}}"#,
        tally.good,
        tally.refused,
        tally.broken + tally.open,
        percentile(&mut tally.first_us, 50),
        percentile(&mut tally.first_us, 99),
        percentile(&mut tally.whole_us, 50),
        percentile(&mut tally.whole_us, 99),
    ))
}

fn percentile(values: &mut [u32], percent: usize) -> u32 {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
}

async fn connection(plan: Rc<Plan>, tally: Rc<RefCell<Tally>>) {
    let mut request = plan.request.clone();
    let mut input = Vec::with_capacity(16 * 1024);
    let mut socket = None;
    for turn in 0_u64.. {
        if plan.until.map_or(turn >= plan.each, |until| Instant::now() >= until) {
            break;
        }
        {
            let mut tally = tally.borrow_mut();
            tally.open += 1;
            tally.serial += 1;
            // The process id tells the runs of one measurement apart, the serial its requests.
            let serial = format!("{:08}{:012}", process::id() % 100_000_000, tally.serial);
            request[plan.serial_at..plan.serial_at + SERIAL_DIGITS].copy_from_slice(serial.as_bytes());
        }
        let outcome = exchange(&plan, &mut socket, &request, &mut input).await;
        if !matches!(outcome, Ok(Outcome::Good { keep_alive: true, .. })) {
            socket = None;
        }
        let failed = tally.borrow_mut().count(outcome);
        if failed {
            // A gateway that is down must not make this loop spin.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Tally {
    /// Books one request and says whether it failed.
    fn count(&mut self, outcome: io::Result<Outcome>) -> bool {
        self.open -= 1;
        match outcome {
            Ok(Outcome::Good { first, whole, .. }) => {
                self.good += 1;
                self.first_us.push(first.as_micros() as u32);
                self.whole_us.push(whole.as_micros() as u32);
                return false;
            }
            Ok(Outcome::Refused) => self.refused += 1,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.refused += 1,
            Err(_) => self.broken += 1,
        }
        true
    }
}

async fn exchange(
    plan: &Plan,
    socket: &mut Option<TcpStream>,
    request: &[u8],
    input: &mut Vec<u8>,
) -> io::Result<Outcome> {
    let socket = match socket {
        Some(socket) => socket,
        None => {
            let fresh = TcpStream::connect(&plan.address).await?;
            fresh.set_nodelay(true)?;
            socket.insert(fresh)
        }
    };
    let sent = Instant::now();
    let mut first = None;
    let mut response = Response::new(plan.chunks);
    socket.write_all(request).await?;
    input.clear();
    loop {
        if socket.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let progress = response.feed(input)?;
        if first.is_none() && response.has_content() {
            first = Some(sent.elapsed());
        }
        match progress {
            Progress::More => {}
            Progress::Refused => return Ok(Outcome::Refused),
            Progress::Whole => {
                let whole = sent.elapsed();
                let keep_alive = response.keep_alive();
                return Ok(Outcome::Good { first: first.unwrap_or(whole), whole, keep_alive });
            }
        }
    }
}
