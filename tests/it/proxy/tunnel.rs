//! Upstreams behind a proxy of the operator's.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use super::{code, counts, said};
use crate::support::{Answer, TestApp, WAIT, binary, run};

/// An HTTP proxy that opens every tunnel, and tells the heads by which it was asked.
pub(crate) fn proxy() -> (SocketAddr, mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind the proxy");
    let addr = listener.local_addr().expect("the proxy has an address");
    let (asked, heads) = mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let asked = asked.clone();
            // A tunnel that ends in an error has ended.
            thread::spawn(move || tunnel(client, &asked).ok());
        }
    });
    (addr, heads)
}

fn tunnel(client: TcpStream, asked: &mpsc::Sender<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let head: Vec<String> = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let target = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    asked.send(head).map_err(io::Error::other)?;
    let upstream = TcpStream::connect(target)?;
    (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from_upstream, mut to_client) = (upstream.try_clone()?, client);
    thread::spawn(move || {
        io::copy(&mut from_upstream, &mut to_client).ok();
        to_client.shutdown(Shutdown::Both).ok();
    });
    io::copy(&mut reader, &mut &upstream)?;
    upstream.shutdown(Shutdown::Write)
}

#[test]
fn requests_go_through_the_proxy_of_their_provider() {
    let (addr, heads) = proxy();
    let app = TestApp::builder()
        .option("UPSTREAM_PROXY", &format!("http://me:hunter2@{addr}"))
        .option("OPENROUTER_PROXY", "none")
        .api_keys(&["a"])
        .start();
    app.add_api_key("openrouter", "b");
    let client = app.client_with(&serde_json::json!({"name": "x", "provider": "all"}));
    for _ in 0..3 {
        assert_eq!(said(&client.chat("hi").send().expect(200)), "hello world");
    }
    client.chat("hi").via("/openrouter").send().expect(200);
    let head = heads.recv_timeout(WAIT).expect("the proxy is asked");
    let upstream = app.upstream.base_url().replace("http://", "");
    assert_eq!(head[0], format!("CONNECT {upstream} HTTP/1.1"));
    assert!(head.contains(&String::from("Proxy-Authorization: Basic bWU6aHVudGVyMg==")), "{head:?}");
    assert!(app.upstream.requests().iter().all(|request| request.headers.get("proxy-authorization").is_none()));
    assert!(heads.try_iter().all(|again| again == head), "the other provider is reached directly");
}

#[test]
fn a_client_that_leaves_cancels_what_runs_behind_a_proxy() {
    let (addr, _heads) = proxy();
    let app = TestApp::builder().option("OLLAMA_PROXY", &format!("http://{addr}")).api_keys(&["a"]).start();
    app.upstream.any_key().plays([Answer::hang()]);
    let client = app.client();
    let pending = client.chat("hi").start();
    app.upstream.request(0);
    pending.close();
    assert!(app.upstream.departure(0).early);
}

#[test]
fn a_proxy_that_is_not_there_is_an_upstream_that_is_not_there() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let app = TestApp::builder().option("OLLAMA_PROXY", &format!("socks5://{closed}")).api_keys(&["a"]).start();
    let reply = app.client().chat("hi").send();
    assert_eq!((reply.status, code(&reply).as_str()), (502, "network"), "{}", reply.text());
    assert!(app.upstream.requests().is_empty());
    assert_eq!(counts(&app), [1, 0, 1, 0]);
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_without_its_password() {
    for proxy in ["http://me:hunter2@host/path", "socks5://me:hunter2@", "ftp://me:hunter2@host"] {
        let ended = run(binary(&["check"], &[("OLLAMA_PROXY".into(), proxy.into())]));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("proxy") && !format!("{ended:?}").contains("hunter2"), "{ended:?}");
    }
    let ended = run(binary(&["check"], &[("OLLAMA_PROXY".into(), "http://me:hunter2@host:1".into())]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("OLLAMA_PROXY") && !format!("{ended:?}").contains("hunter2"), "{ended:?}");
}
