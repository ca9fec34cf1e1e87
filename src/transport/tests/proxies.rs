//! Through proxies, which are strict about what they are told and show what they were.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const NOWHERE: &str = "http://upstream.invalid:8000/v1";
const REACHED: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

/// Sends one request through a proxy, and tells what became of it.
async fn through(proxy: UpstreamProxy, transport: &Transport) -> String {
    let endpoint = Endpoint::parse(NOWHERE).unwrap().via(proxy);
    assert!(!format!("{endpoint:?} {endpoint}").contains("pass"), "{endpoint:?}");
    match transport.send(&endpoint, request(&Method::POST, b"{}")).await {
        Ok(mut response) => String::from_utf8_lossy(&collect(&mut response.body).await.0).into_owned(),
        Err(error) => format!("{:#}; sent: {}", anyhow::Error::new(error), false),
    }
}

/// A proxy that expects these texts and answers each, in turn.
async fn talk(stream: &mut TcpStream, turns: &[(&[u8], &[u8])]) {
    for (expected, answer) in turns {
        let mut heard = vec![0; expected.len()];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(expected));
        stream.write_all(answer).await.unwrap();
    }
}

/// What a request comes to when the proxy plays these turns, and then is the upstream for as many requests.
async fn check(scheme: &str, turns: &[(&[u8], &[u8])], requests: usize, expected: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("{scheme}@{}", listener.local_addr().unwrap());
    let address = if scheme.ends_with('/') { address.replace('@', "") } else { address };
    let transport = transport();
    let client = async {
        for _ in 0..requests.max(1) {
            assert_eq!(through(UpstreamProxy::parse(&address).unwrap(), &transport).await, expected);
        }
    };
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        talk(&mut stream, turns).await;
        for _ in 0..requests {
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n{}") {
                heard.push(stream.read_u8().await.unwrap());
            }
            let heard = String::from_utf8_lossy(&heard).into_owned();
            assert!(heard.starts_with("POST /v1/chat HTTP/1.1\r\n"), "{heard}");
            assert!(heard.to_ascii_lowercase().contains("host: upstream.invalid:8000"), "{heard}");
            assert!(!heard.to_ascii_lowercase().contains("proxy-authorization"), "{heard}");
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, async { tokio::join!(server, client) }).await.unwrap();
}

#[tokio::test]
async fn an_http_proxy_is_asked_for_a_tunnel_once_for_a_connection() {
    let asked = b"CONNECT upstream.invalid:8000 HTTP/1.1\r\nHost: upstream.invalid:8000\r\n";
    let plain = [&asked[..], b"\r\n"].concat();
    check("http://", &[(&plain, b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")], 3, "ok").await;
    let with_password = [&asked[..], b"Proxy-Authorization: Basic bWU6cGFzczp3b3JkQA==\r\n\r\n"].concat();
    check("http://me:pass%3aword%40", &[(&with_password, b"HTTP/1.0 200 OK\r\n\r\n")], 2, "ok").await;
}

#[tokio::test]
async fn a_socks5_proxy_is_given_the_name() {
    let connect = b"\x05\x01\x00\x03\x10upstream.invalid\x1f\x40";
    check("socks5://", &[(b"\x05\x01\x00", b"\x05\x00"), (connect, REACHED)], 2, "ok").await;
    let turns: &[(&[u8], &[u8])] = &[
        (b"\x05\x01\x02", b"\x05\x02"),
        (b"\x01\x02me\x04pass", b"\x01\x00"),
        (connect, b"\x05\x00\x00\x03\x04abcd\x00\x01"),
    ];
    check("socks5://me:pass", turns, 2, "ok").await;
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_and_no_request_is_sent() {
    let told = |what: &str| format!("the connection was not accepted: {what}; sent: false");
    let http = b"CONNECT ";
    let status = told("the proxy refused with status 503");
    check("http://", &[(http, b"HTTP/1.1 503 No\r\n\r\n")], 0, &status).await;
    let credentials = told("the proxy refused the user name and password, or wants some");
    check("http://", &[(http, b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n")], 0, &credentials).await;
    check("socks5://", &[(b"\x05\x01\x00", b"\x05\xff")], 0, &credentials).await;
    let wrong: &[(&[u8], &[u8])] = &[(b"\x05\x01\x02", b"\x05\x02"), (b"\x01\x02me\x04pass", b"\x01\x01")];
    check("socks5://me:pass", wrong, 0, &credentials).await;
    let unreachable: &[(&[u8], &[u8])] = &[(b"\x05\x01\x00", b"\x05\x00"), (b"\x05\x01\x00\x03", b"\x05\x04\x00\x01")];
    check("socks5://", unreachable, 0, &told("the proxy could not connect (SOCKS5 reply 4)")).await;
    let malformed = told("the proxy's answer is not valid");
    check("http://", &[(http, b"SSH-2.0-OpenSSH\r\n\r\n")], 0, &malformed).await;
    check("socks5://", &[(b"\x05\x01\x00", b"HT")], 0, &malformed).await;
}

#[test]
fn proxies_are_read_from_their_urls_and_shown_without_credentials() {
    let shown = |text: &str| UpstreamProxy::parse(text).map(|proxy| format!("{proxy:?}"));
    let expected = |protocol: &str, host: &str, port: u16| {
        Ok(format!("UpstreamProxy {{ protocol: {protocol}, host: {host}, port: {port}, .. }}"))
    };
    assert_eq!(shown("http://me:pass@proxy:3128"), expected("Http", "Name(\"proxy\")", 3128));
    assert_eq!(shown("http://10.0.0.1/"), expected("Http", "Ip(10.0.0.1)", 80));
    assert_eq!(shown("socks5://10.0.0.1"), expected("Socks5", "Ip(10.0.0.1)", 1080));
    assert_eq!(shown("socks5h://[::1]:9"), expected("Socks5", "Ip(::1)", 9));
    for wrong in ["", "proxy:3128", "https://proxy", "ftp://proxy", "http://proxy/path", "http://proxy?x", "socks5://"]
    {
        assert_eq!(shown(wrong), Err(UpstreamProxyError::Syntax), "{wrong}");
    }
    assert_eq!(shown("socks5://me@proxy"), Err(UpstreamProxyError::CredentialsTooLong), "an empty password");
}

#[test]
fn connections_through_different_proxies_are_not_mixed() {
    let via = |text: &str| Endpoint::parse(NOWHERE).unwrap().via(UpstreamProxy::parse(text).unwrap());
    assert_eq!(via("http://a:b@proxy").origin(), via("http://a:b@proxy").origin());
    assert_ne!(via("http://a:b@proxy").origin(), via("http://a:c@proxy").origin());
    assert_ne!(via("http://proxy:1").origin(), via("socks5://proxy:1").origin());
    assert_ne!(via("http://proxy").origin(), Endpoint::parse(NOWHERE).unwrap().origin());
}
