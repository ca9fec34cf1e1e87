//! What counts as one client, where clients are told apart by their addresses.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 of an IPv6 address: whoever has one address of such a network has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientNetwork(u128);

impl ClientNetwork {
    const PREFIX: u128 = !(u64::MAX as u128);

    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // The mapped form ends in something other than zeros, so that it is no /64's.
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Self(Ipv6Addr::to_bits(address) & Self::PREFIX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, is_same: bool) {
        let of = |text: &str| ClientNetwork::of(text.parse().unwrap());
        assert_eq!(of(a) == of(b), is_same, "{a} {b}");
    }

    #[test]
    fn addresses_of_one_client_are_one() {
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
        check("0.0.0.0", "::", false);
        check("127.0.0.1", "::1", false);
    }
}
