//! From where the admin's own may be reached. Looked at before the admin token is, so that from elsewhere nobody can
//! even try one.

use ipnet::IpNet;
use poem::{Request, Response};

use super::api;
use super::caller::{Caller, Origin};
use super::methods::PUBLIC_STATS;

/// What is the admin's own, with all that is below it: the API and the console.
const GUARDED: [&str; 2] = ["/admin", "/dashboard"];

/// The answer to a request for the admin's own that comes from none of these networks. No network at all means that
/// there is no such rule.
pub(super) fn refusal(request: &Request, admin_networks: &[IpNet]) -> Option<Response> {
    is_refused(request, admin_networks).then(api::not_an_admin_network)
}

/// Whether a request for the admin's own comes from none of these networks.
pub(super) fn is_refused(request: &Request, admin_networks: &[IpNet]) -> bool {
    if admin_networks.is_empty() || !is_guarded(request.uri().path()) {
        return false;
    }
    !request.data::<Caller>().is_some_and(|caller| is_inside(caller.origin, admin_networks))
}

/// Whether the admin's own may be reached from there.
pub(super) fn is_inside(origin: Origin, admin_networks: &[IpNet]) -> bool {
    let Origin::Network(address) = origin else { return true };
    admin_networks.is_empty() || admin_networks.iter().any(|network| network.contains(&address))
}

fn is_guarded(path: &str) -> bool {
    let is_below = |root| path.strip_prefix(root).is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'));
    path != PUBLIC_STATS && GUARDED.into_iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_below_the_admins_paths_is_guarded_but_the_public_statistics() {
        for path in ["/admin", "/admin/", "/admin/stats", "/admin/no/such/thing", "/admin/public-stats/", "/dashboard"]
        {
            assert!(is_guarded(path), "{path}");
        }
        for path in ["/", "/admin/public-stats", "/administrator", "/health", "/api/auth/login", "/x/admin"] {
            assert!(!is_guarded(path), "{path}");
        }
    }
}
