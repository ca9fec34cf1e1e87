//! Upstreams behind TLS: whose certificates are believed, and in which version of HTTP they are spoken to.

use std::fs;

use super::{code, counts, delta, part, said};
use crate::support::{Answer, Ending, Nginx, TestApp, spoken};

/// An application whose upstream is reached by TLS, through a server that says how it was spoken to.
struct Tls {
    app: TestApp,
    _nginx: Nginx,
}

impl Tls {
    /// `listen` is what follows the address, `ca_option` where the authority is named that vouches for the server.
    fn start(listen: &str, ca_option: &str, options: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| dir.path().join(name).display().to_string();
        let made = rcgen::generate_simple_self_signed([String::from("localhost")]).expect("a certificate");
        fs::write(path("cert.pem"), made.cert.pem()).expect("write the certificate");
        fs::write(path("key.pem"), made.signing_key.serialize_pem()).expect("write its key");
        let addr = Nginx::free_address();
        let builder = TestApp::builder()
            .option("OLLAMA_BASE_URL", &format!("https://localhost:{}", addr.port()))
            .option("CONNECT_TIMEOUT", "5s")
            .option(ca_option, &path("cert.pem"));
        let builder = options.iter().fold(builder, |builder, (name, value)| builder.option(name, value));
        let app = builder.api_keys(&["a"]).start();
        let servers = format!(
            "server {{\n listen {addr} {listen};\n ssl_certificate {};\n ssl_certificate_key {};\n location / {{\n  \
             proxy_pass {};\n  proxy_buffering off;\n  proxy_http_version 1.1;\n  \
             proxy_set_header X-Protocol $server_protocol;\n  proxy_set_header X-Connection $connection;\n }}\n}}",
            path("cert.pem"),
            path("key.pem"),
            app.upstream.base_url(),
        );
        let nginx = Nginx::start(addr, dir, &servers);
        Self { app, _nginx: nginx }
    }

    /// What the upstream was told about request `n`.
    fn told(&self, n: usize, header: &str) -> String {
        self.app.upstream.request(n).headers.get(header).unwrap_or_default().to_owned()
    }
}

#[test]
fn many_requests_share_a_connection_where_http2_is_asked_for() {
    let tls = Tls::start("ssl http2", "OLLAMA_CA_FILE", &[("OLLAMA_HTTP_VERSION", "2"), ("WORKERS", "1")]);
    let client = tls.app.client();
    assert_eq!(said(&client.chat("hi").send().expect(200)), "hello world");
    let gate = tls.app.upstream.gate();
    tls.app.upstream.any_key().plays((0..8).map(|_| Answer::ok_sse(&["one", "two"]).held_by(&gate)));
    let pending: Vec<_> = (0..8).map(|_| client.chat("hi").with("stream", true).start()).collect();
    let connections: Vec<_> = (0..9).map(|n| tls.told(n, "x-connection")).collect();
    assert!(connections.iter().all(|connection| *connection == connections[0]), "{connections:?}");
    gate.open();
    for pending in pending {
        let (events, ending) = pending.head().expect("an answer").rest();
        assert_eq!((spoken(&events).as_str(), ending), ("onetwo", Ending::Clean));
    }
    assert_eq!(tls.told(8, "x-protocol"), "HTTP/2.0");
    assert_eq!(counts(&tls.app), [9, 9, 0, 0]);
}

#[test]
fn a_client_that_leaves_cancels_its_request_only() {
    let tls = Tls::start("ssl http2", "UPSTREAM_CA_FILE", &[("UPSTREAM_HTTP_VERSION", "2"), ("WORKERS", "1")]);
    let client = tls.app.client();
    let gate = tls.app.upstream.gate();
    tls.app.upstream.any_key().plays([Answer::hang(), Answer::ok_sse(&["stays"]).held_by(&gate)]);
    let leaving = client.chat("hi").start();
    tls.app.upstream.request(0);
    let staying = client.chat("hi").with("stream", true).start();
    tls.app.upstream.request(1);
    assert_eq!(tls.told(0, "x-connection"), tls.told(1, "x-connection"));
    leaving.close();
    assert!(tls.app.upstream.departure(0).early);
    gate.open();
    let (events, ending) = staying.head().expect("an answer").rest();
    assert_eq!((spoken(&events).as_str(), ending), ("stays", Ending::Clean));
}

#[test]
fn a_stream_that_breaks_is_cut_and_others_go_on() {
    let tls = Tls::start("ssl http2", "OLLAMA_CA_FILE", &[("OLLAMA_HTTP_VERSION", "2"), ("WORKERS", "1")]);
    let first = delta("one");
    tls.app.upstream.any_key().plays([
        Answer::sse_raw([part(first.clone()), part("data: {")]).drop_after(first.len()),
        Answer::ok_json("after"),
    ]);
    let client = tls.app.client();
    let mut stream = client.chat("hi").stream();
    assert_eq!(spoken(&[stream.event()]), "one");
    assert_eq!(stream.rest().1, Ending::Cut);
    assert_eq!(said(&client.chat("hi").send().expect(200)), "after");
}

#[test]
fn the_upstream_chooses_where_it_may() {
    for (listen, protocol) in [("ssl http2", "HTTP/2.0"), ("ssl", "HTTP/1.1")] {
        let tls = Tls::start(listen, "UPSTREAM_CA_FILE", &[("UPSTREAM_HTTP_VERSION", "auto")]);
        for n in 0..2 {
            assert_eq!(said(&tls.app.client().chat("hi").send().expect(200)), "hello world");
            assert_eq!(tls.told(n, "x-protocol"), protocol, "{listen}");
        }
    }
    let tls = Tls::start("ssl http2", "UPSTREAM_CA_FILE", &[]);
    tls.app.client().chat("hi").send().expect(200);
    assert_eq!(tls.told(0, "x-protocol"), "HTTP/1.1", "unless it was told to, it speaks HTTP/1.1");
}

#[test]
fn one_providers_authority_is_not_believed_for_another() {
    let tls = Tls::start("ssl", "OPENROUTER_CA_FILE", &[]);
    let reply = tls.app.client().chat("hi").send();
    assert_eq!((reply.status, code(&reply).as_str()), (502, "network"), "{}", reply.text());
    assert!(tls.app.upstream.requests().is_empty());
}
