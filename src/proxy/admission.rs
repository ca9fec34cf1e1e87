//! Who is let near: how often an address may come, which clients are welcome, and whose token is good.
//!
//! The first two are looked at before anything of the request is, so that refusing costs next to nothing. Nothing here
//! knows anything about the pool.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::sleep;

use super::error::Error;
use super::route::{Operation, Route};
use super::worker::Upstream;
use super::{Context, bearer};
use crate::access::{ClientToken, Denied, Limit, Penalty, Standing};
use crate::domain::bots::{BotPolicy, is_bot};

/// What can be said of a request by its address and its `User-Agent` alone.
pub(super) struct FirstLook {
    /// Told with every answer of a route that is limited.
    pub(super) standing: Option<Standing>,
    pub(super) refusal: Option<Error>,
}

impl Context<'_> {
    /// Counts the request against its address's limit, and looks at what the client calls itself.
    pub(super) fn first_look(&self, route: &Route<'_>, client_address: IpAddr) -> FirstLook {
        let settings = self.worker.shared.settings.load();
        let limit = &settings.rate_limit;
        let limit = limit.is_enabled.then_some(Limit { requests: limit.requests, window: limit.window });
        let standing = limit.and_then(|limit| self.count(route, client_address, limit));
        if let Some(Standing { is_within: false, limit, reset_after, .. }) = standing {
            let refusal = Some(Error::RateLimited { limit, retry_after: reset_after });
            return FirstLook { standing, refusal };
        }
        let is_refused = match settings.bots {
            BotPolicy::Off => false,
            BotPolicy::Log => {
                self.log_bot(client_address);
                false
            }
            BotPolicy::Refuse => is_bot(self.user_agent()),
        };
        FirstLook { standing, refusal: is_refused.then_some(Error::ClientNotAllowed) }
    }

    /// What names no operation of a provider is refused without any work, so it is not counted.
    fn count(&self, route: &Route<'_>, client_address: IpAddr, limit: Limit) -> Option<Standing> {
        if matches!(route.operation, Operation::Unknown(_)) {
            return None;
        }
        let shared = &self.worker.shared;
        let provider = &shared.upstream(route.provider)?.provider.id;
        Some(shared.access.window.check(client_address, provider, limit, self.worker.clock.now()))
    }

    /// The beginning of it: how long headers may be is looked at later, and this costs time with its length.
    fn user_agent(&self) -> &[u8] {
        const LOOKED_AT: usize = 1024;
        let user_agent = self.parts.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        user_agent.get(..LOOKED_AT).unwrap_or(user_agent)
    }

    fn log_bot(&self, client_address: IpAddr) {
        const SHOWN: usize = 200;
        let user_agent = self.user_agent();
        if is_bot(user_agent) {
            let shown = String::from_utf8_lossy(user_agent.get(..SHOWN).unwrap_or(user_agent));
            tracing::info!(request.id = %self.id, client.address = %client_address, user_agent = ?shown, "a bot asks");
        }
    }

    /// Lets the client's token in. That it is unknown is told the later, the more such tokens its address sent.
    pub(super) async fn let_in(&self, upstream: &Upstream) -> Result<Arc<ClientToken>, Error> {
        let bearer = bearer(&self.parts.headers);
        let checked = self.worker.shared.access.check(bearer, &upstream.provider.id, self.worker.clock.now());
        match checked {
            // Boxed: the rare way should not make room for itself in every request's state.
            Err(Denied::Unknown) => Err(Box::pin(self.unknown_bearer()).await),
            checked => checked.map_err(Error::Denied),
        }
    }

    async fn unknown_bearer(&self) -> Error {
        let failures = &self.worker.shared.access.unknown_bearers;
        match failures.failed(self.client_address(), self.worker.clock.now()) {
            Penalty::None => {}
            Penalty::Delay(held) => sleep(held.delay()).await,
            Penalty::Refusal { retry_after } => return Error::TooManyFailures { retry_after },
        }
        Error::Denied(Denied::Unknown)
    }
}

/// Tells where a client stands, with the names and in the form that OpenAI uses.
pub(super) fn tell(standing: &Standing, headers: &mut HeaderMap) {
    let names = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
    let [limit, remaining, reset] = names.map(HeaderName::from_static);
    headers.insert(limit, standing.limit.requests.into());
    headers.insert(remaining, standing.remaining.into());
    if let Ok(value) = HeaderValue::try_from(written(standing.reset_after)) {
        headers.insert(reset, value);
    }
}

/// A duration as `1h30m0s`, `1m30s`, `12s` or `250ms`: whole seconds are rounded up, for who comes too early is refused.
fn written(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{}ms", duration.as_millis());
    }
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let (hours, minutes, mut text) = (seconds / 3_600, seconds / 60, String::new());
    // Writing to a string cannot fail.
    if hours > 0 {
        write!(text, "{hours}h").ok();
    }
    if minutes > 0 {
        write!(text, "{}m", minutes % 60).ok();
    }
    write!(text, "{}s", seconds % 60).ok();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        for (millis, expected) in [
            (0, "0ms"),
            (250, "250ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (11_001, "12s"),
            (60_000, "1m0s"),
            (89_500, "1m30s"),
            (3_599_001, "1h0m0s"),
            (5_400_000, "1h30m0s"),
            (86_400_000, "24h0m0s"),
        ] {
            assert_eq!(written(Duration::from_millis(millis)), expected);
        }
    }
}
