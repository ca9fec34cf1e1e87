//! Which address a request came from, when there are reverse proxies in between.

use std::net::IpAddr;

use ipnet::IpNet;

/// The address nearest to us that is not a trusted proxy's.
///
/// `forwarded_for` are the values of `X-Forwarded-For` in the order in which they came. Each proxy appends whom it was
/// talking to, so the list is read from the right and only for as long as the speaker is trusted: what stands further
/// left is what somebody claimed. An entry that is no address ends the walk at the proxy that wrote it. Values are bytes,
/// for a claim that is no text must not hide what a proxy appended to it.
pub fn resolve<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[IpNet],
) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut nearest = peer.to_canonical();
    for entry in forwarded_for.rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
        if !is_trusted(nearest) {
            break;
        }
        let Some(address) = std::str::from_utf8(entry.trim_ascii()).ok().and_then(address) else { break };
        nearest = address;
    }
    nearest
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    alone.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded_for: &[&str], expect: &str) {
        let forwarded_for: Vec<_> = forwarded_for.iter().map(|value| value.as_bytes()).collect();
        check_bytes(peer, &forwarded_for, expect);
    }

    #[track_caller]
    fn check_bytes(peer: &str, forwarded_for: &[&[u8]], expect: &str) {
        let trusted = ["10.0.0.0/8", "127.0.0.1/32"].map(|net| net.parse().unwrap());
        let resolved = resolve(peer.parse().unwrap(), forwarded_for.iter().copied(), &trusted);
        assert_eq!(resolved.to_string(), expect, "{peer} {forwarded_for:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        check("192.0.2.1", &["198.51.100.7"], "192.0.2.1");
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check("::ffff:127.0.0.1", &["198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn the_list_is_read_from_the_right() {
        check("127.0.0.1", &["1.1.1.1, 198.51.100.7, 10.1.2.3"], "198.51.100.7");
        check("127.0.0.1", &["1.1.1.1", "198.51.100.7", "10.1.2.3"], "198.51.100.7");
        check("127.0.0.1", &["10.9.9.9"], "10.9.9.9");
    }

    #[test]
    fn what_is_no_address_is_not_believed() {
        check("127.0.0.1", &["198.51.100.7, unknown"], "127.0.0.1");
        check("127.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
        check("127.0.0.1", &["[2001:db8::1]"], "2001:db8::1");
        check("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1");
    }

    #[test]
    fn what_is_no_text_hides_nothing() {
        check_bytes("127.0.0.1", &[b"10.1.1.1, \xff, 198.51.100.7"], "198.51.100.7");
        check_bytes("127.0.0.1", &[b"10.1.1.1", b"\xff,198.51.100.7"], "198.51.100.7");
        check_bytes("127.0.0.1", &[b"198.51.100.7", b"\xff"], "127.0.0.1");
    }
}
