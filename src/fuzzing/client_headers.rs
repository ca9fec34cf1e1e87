//! Headers that any client may send.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::domain::cacheable::CacheControl;
use crate::domain::client_address::resolve;

/// Lines are the values of a header that a client sends, once as `X-Forwarded-For` and once as `Cache-Control`. How a
/// list is spread over headers makes no difference. Whoever is not trusted is not believed: what stands left of the
/// address that was found changes nothing. Directives mean the same in any order.
pub fn client_headers(data: &[u8]) {
    let values: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let joined = values.join(&b","[..]);
    let apart: Vec<&[u8]> = joined.split(|byte| *byte == b',').collect();
    for peer in [[127, 0, 0, 1].into(), [192, 0, 2, 1].into(), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        forwarded(peer, &values, &joined, &apart);
    }
    let read = CacheControl::read(values.iter().copied());
    assert_eq!(CacheControl::read([&joined[..]].into_iter()), read, "spread over headers");
    assert_eq!(CacheControl::read(apart.iter().copied().rev()), read, "in another order");
}

fn forwarded(peer: IpAddr, values: &[&[u8]], joined: &[u8], apart: &[&[u8]]) {
    let trusted = trusted();
    let is_trusted = |address| trusted.iter().any(|net| net.contains(&address));
    let found = resolve(peer, values.iter().copied(), &trusted);
    assert_eq!(found, found.to_canonical(), "the same address has two forms");
    assert_eq!(resolve(peer, [joined].into_iter(), &trusted), found, "spread over headers");
    assert_eq!(resolve(peer, apart.iter().copied(), &trusted), found, "each in a header of its own");
    assert!(is_trusted(peer) || found == peer, "a stranger was believed");
    if !is_trusted(found) {
        let claim = [&b"203.0.113.9, 10.0.0.9"[..]].into_iter().chain(values.iter().copied());
        assert_eq!(resolve(peer, claim.collect::<Vec<_>>().into_iter(), &trusted), found, "a claim was believed");
    }
}

fn trusted() -> [IpNet; 3] {
    [
        Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8).into(),
        Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
        Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 8).into(),
    ]
}
