//! The same path over TLS, against a server with a certificate of its own.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Answers `answers` on one connection, one per request; then closes, with or without saying so in TLS.
async fn serve(listener: TcpListener, config: Arc<ServerConfig>, answers: &[&str], says_so: bool) {
    let (tcp, _) = listener.accept().await.unwrap();
    // A client that does not trust the certificate ends the handshake: that is for the test to judge.
    let Ok(mut stream) = TlsAcceptor::from(config).accept(tcp).await else { return };
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    for answer in answers {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n{}") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
    if says_so {
        stream.shutdown().await.unwrap();
    }
}

async fn exchange(answers: &[&str], says_so: bool, is_trusted: bool) -> (Vec<String>, usize) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let roots =
        if is_trusted { TlsRoots::public_and(signed.cert.pem().as_bytes()).unwrap() } else { TlsRoots::public() };
    // "localhost" may have an IPv6 address too, where nobody listens: the next address is tried then.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("https://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
    let transport = Transport::new(roots, Options::default());
    let client = async {
        let mut seen = Vec::new();
        for _ in answers {
            seen.push(match transport.send(&endpoint, request(&Method::POST, b"{}")).await {
                Ok(mut response) => {
                    let (body, error) = collect(&mut response.body).await;
                    format!("{} {error:?}", String::from_utf8_lossy(&body))
                }
                Err(error) => format!("{error}; sent: {}", error.was_sent()),
            });
        }
        seen
    };
    let both = async { tokio::join!(serve(listener, Arc::new(config), answers, says_so), client) };
    let ((), seen) = tokio::time::timeout(LIMIT, both).await.unwrap();
    (seen, transport.idle.len())
}

#[tokio::test]
async fn requests_share_a_connection_over_tls() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let (seen, idle) = exchange(&[OK, chunked, OK], true, true).await;
    assert_eq!((seen, idle), (vec!["ok None".to_owned(); 3], 1));
}

#[tokio::test]
async fn an_unknown_certificate_is_refused() {
    let (seen, idle) = exchange(&[OK], true, false).await;
    assert_eq!((seen, idle), (vec!["TLS could not be established; sent: false".to_owned()], 0));
}

#[tokio::test]
async fn a_body_until_the_close_needs_the_close_to_be_announced() {
    let until_close = "HTTP/1.1 200 OK\r\n\r\nok";
    assert_eq!(exchange(&[until_close], true, true).await.0, ["ok None"]);
    assert_eq!(exchange(&[until_close], false, true).await.0, ["ok Some(Truncated)"]);
}
