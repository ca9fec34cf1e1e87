//! Answers of proxies, and their addresses.

use crate::transport::replay::tunnel;
use crate::transport::{Endpoint, UpstreamProxy};

const SECRET: &str = "Zq9xKp2vW7";
const LONGEST_HEAD: usize = 8 * 1024;

/// What a proxy says when it is asked for a tunnel, and a proxy's address. A tunnel opens after a complete answer that
/// grants it, and not a byte more is read; no refusal, and nothing that an address is shown as, has the credentials.
pub fn upstream_proxy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for scheme in ["http", "socks5"].into_iter().filter(|_| !text.contains(SECRET)) {
        match UpstreamProxy::parse(&format!("{scheme}://{SECRET}:{SECRET}@{text}")) {
            Ok(proxy) => assert!(!format!("{proxy:?}").contains(SECRET), "{proxy:?}"),
            Err(error) => assert!(!format!("{error:?} {error}").contains(SECRET)),
        }
    }
    let Ok(upstream) = Endpoint::parse("https://upstream.invalid") else { unreachable!("a base URL") };
    for (address, granted) in [
        ("http://proxy.invalid", http as fn(&[u8]) -> Option<usize>),
        ("http://user:Zq9xKp2vW7@proxy.invalid", http),
        ("socks5://proxy.invalid", |said| socks5(said, &[5, 0])),
        ("socks5://user:Zq9xKp2vW7@proxy.invalid", |said| socks5(said, &[5, 2, 1, 0])),
    ] {
        let Ok(proxy) = UpstreamProxy::parse(address) else { unreachable!("a proxy's address") };
        let (opened, left) = tunnel(&proxy, &upstream, data);
        let read = data.len() - left.len();
        assert_eq!(opened.as_ref().ok().map(|()| read), granted(data), "{address}: {opened:?}");
        assert!(read <= LONGEST_HEAD, "{read} bytes are read");
        assert!(!format!("{opened:?}").contains(SECRET), "{opened:?}");
    }
}

/// The length of a head that grants a tunnel.
fn http(said: &[u8]) -> Option<usize> {
    let length = memchr::memmem::find(said, b"\r\n\r\n")? + 4;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(said.get(..length)?).ok()?;
    let is_granted = parsed.is_complete() && matches!(head.code, Some(200..=299));
    (is_granted && length <= LONGEST_HEAD).then_some(length)
}

/// The length of the answers that grant a tunnel, of which the first are these.
fn socks5(said: &[u8], greetings: &[u8]) -> Option<usize> {
    let reply = said.strip_prefix(greetings)?;
    let [5, 0, _, kind, address @ ..] = reply else { return None };
    let address = match kind {
        1 => 4,
        3 => 1 + usize::from(*address.first()?),
        4 => 16,
        _ => return None,
    };
    let length = greetings.len() + 4 + address + 2;
    (length <= said.len()).then_some(length)
}
