mod set_back;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::fault::{Fault, FaultScope, Provenance, Reason, Recovery, Rest};
use crate::domain::secret::ApiKeySecret;

const T0: Timestamp = Timestamp::from_millis(1_767_268_800_000);
const HOUR: Duration = Duration::from_hours(1);
const MODEL: &str = "m";

pub(super) fn row(n: u16) -> ApiKeyRow {
    let mut random = [0; 10];
    random[8..].copy_from_slice(&n.to_be_bytes());
    ApiKeyRow {
        id: ApiKeyId::new(T0, random),
        provider: ProviderId::ollama(),
        label: String::new(),
        last4: String::new(),
        secret: ApiKeySecret::parse(&format!("key-{n}")).expect("a key"),
        disabled: None,
        expires_at: None,
        strikes: 0,
        cooldown: None,
        created_at: T0,
    }
}

fn pool_of(rows: &[ApiKeyRow]) -> Arc<Pool> {
    let pool = Pool::new(ProviderId::ollama());
    pool.insert(rows, T0);
    pool
}

fn pool(n: u16) -> (Arc<Pool>, Vec<ApiKeyId>) {
    let rows: Vec<_> = (0..n).map(row).collect();
    (pool_of(&rows), rows.iter().map(|row| row.id).collect())
}

#[track_caller]
fn pick(pool: &Arc<Pool>, now: Timestamp) -> Lease {
    pool.pick(MODEL, &[], now).expect("a key")
}

fn fault(scope: FaultScope, rest: Rest) -> Fault {
    Fault { scope, reason: Reason::RateLimit, recovery: Recovery::NextKey, rest }
}

fn strike(pool: &Arc<Pool>, now: Timestamp) -> ApiKeyId {
    let mut lease = pick(pool, now);
    lease.fault(MODEL, &fault(FaultScope::Key, Rest::Strike), now, 0);
    lease.key().id
}

#[test]
fn an_empty_pool_says_so() {
    assert_eq!(pool(0).0.pick(MODEL, &[], T0).err(), Some(Nothing::NoKeys));
}

#[test]
fn a_key_is_not_picked_twice_in_one_request() {
    let (pool, _) = pool(2);
    let (a, b) = (pick(&pool, T0), pick(&pool, T0));
    let tried = [a.place(), b.place()];
    assert_ne!(a.key().id, b.key().id);
    assert_eq!(pool.pick(MODEL, &tried, T0).err(), Some(Nothing::AllTried));
    assert!(pool.pick(MODEL, &tried[..1], T0).is_ok_and(|c| c.key().id == b.key().id));
}

#[test]
fn three_strikes_rest_an_hour_and_the_key_comes_back_by_itself() {
    let (pool, _) = pool(1);
    for _ in 0..3 {
        strike(&pool, T0);
    }
    let nothing = pool.pick(MODEL, &[], T0 + HOUR - Duration::from_millis(1)).err();
    assert_eq!(nothing, Some(Nothing::Resting { until: T0 + HOUR, causes: vec![(Reason::ThreeStrikes, 1)] }));
    let mut probe = pick(&pool, T0 + HOUR);
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_err(), "one probe at a time");
    probe.success(MODEL, T0 + HOUR);
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_ok(), "a success brings it back");
}

#[test]
fn a_success_between_faults_starts_the_count_again() {
    let (pool, _) = pool(1);
    for _ in 0..5 {
        strike(&pool, T0);
        strike(&pool, T0);
        pick(&pool, T0).success(MODEL, T0);
    }
    assert!(pool.pick(MODEL, &[], T0).is_ok());
}

#[test]
fn a_failed_probe_rests_again_at_once() {
    let (pool, _) = pool(1);
    for _ in 0..3 {
        strike(&pool, T0);
    }
    strike(&pool, T0 + HOUR);
    assert!(
        matches!(pool.pick(MODEL, &[], T0 + HOUR).err(), Some(Nothing::Resting { until, .. }) if until == T0 + HOUR * 2)
    );
}

#[test]
fn a_probe_whose_client_left_is_due_again() {
    let (pool, _) = pool(1);
    for _ in 0..3 {
        strike(&pool, T0);
    }
    drop(pick(&pool, T0 + HOUR));
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_ok());
}

#[test]
fn a_stated_rest_ends_without_a_probe_and_never_becomes_shorter() {
    let (pool, _) = pool(1);
    let (near, far) = (T0 + Duration::from_secs(5), T0 + Duration::from_secs(9));
    for until in [far, near] {
        let fault = fault(FaultScope::Account, Rest::Until(until, Provenance::Stated));
        let Ok(mut lease) = pool.pick(MODEL, &[], T0) else { continue };
        lease.fault(MODEL, &fault, T0, 0);
    }
    assert!(matches!(pool.pick(MODEL, &[], near).err(), Some(Nothing::Resting { until, .. }) if until == far));
    let (_one, _two) = (pick(&pool, far), pick(&pool, far));
}

#[test]
fn concurrent_faults_keep_the_longest_rest() {
    let (pool, _) = pool(1);
    let (mut a, mut b) = (pick(&pool, T0), pick(&pool, T0));
    let (near, far) = (T0 + Duration::from_secs(5), T0 + Duration::from_secs(9));
    a.fault(MODEL, &fault(FaultScope::Account, Rest::Until(far, Provenance::Stated)), T0, 0);
    b.fault(MODEL, &fault(FaultScope::Account, Rest::Until(near, Provenance::Stated)), T0, 0);
    assert!(pool.pick(MODEL, &[], near).is_err());
    assert!(pool.pick(MODEL, &[], far).is_ok());
}

#[test]
fn disabled_keys_have_no_turns_until_they_are_enabled_or_their_time_is_over() {
    let (pool, ids) = pool(2);
    pool.disable(ids[0], None);
    pool.disable(ids[1], Some(T0 + HOUR));
    assert!(pool.pick(MODEL, &[], T0).is_err());
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_ok_and(|lease| lease.key().id == ids[1]));
    pool.enable(ids[0], T0 + HOUR);
    let both: std::collections::HashSet<_> = (0..2).map(|_| pick(&pool, T0 + HOUR).key().id).collect();
    assert_eq!(both.len(), 2);
}

#[test]
fn an_expired_key_has_no_turns() {
    let pool = pool_of(&[ApiKeyRow { expires_at: Some(T0 + HOUR), ..row(0) }]);
    assert!(pool.pick(MODEL, &[], T0).is_ok());
    assert_eq!(pool.pick(MODEL, &[], T0 + HOUR).err(), Some(Nothing::NoneUsable));
}

#[test]
fn a_removed_key_is_gone_and_its_place_is_used_again() {
    let (pool, ids) = pool(1);
    let mut lease = pick(&pool, T0);
    assert!(pool.remove(ids[0]) && !pool.remove(ids[0]));
    assert_eq!(pool.pick(MODEL, &[], T0).err(), Some(Nothing::NoKeys));
    pool.insert(&[row(7)], T0);
    for _ in 0..3 {
        lease.fault(MODEL, &fault(FaultScope::Key, Rest::Strike), T0, 0);
    }
    assert!(pool.pick(MODEL, &[], T0).is_ok(), "a late report does not hit the newcomer");
}

#[test]
fn a_refused_model_is_asked_of_others_and_other_models_are_not_touched() {
    let (pool, _) = pool(3);
    let mut refused = pick(&pool, T0);
    let rest = Rest::Until(T0 + HOUR, Provenance::Guessed);
    refused.fault("big", &fault(FaultScope::AccountModel, rest), T0, 0);
    let used: Vec<_> = (0..4).map(|_| pool.pick("big", &[], T0).expect("others").key().id).collect();
    assert!(!used.contains(&refused.key().id));
    let small: std::collections::HashSet<_> = (0..3).map(|_| pick(&pool, T0).key().id).collect();
    assert_eq!(small.len(), 3);
    let later: std::collections::HashSet<_> =
        (0..3).map(|_| pool.pick("big", &[], T0 + HOUR).expect("all").key().id).collect();
    assert_eq!(later.len(), 3, "and it is over when it is over");
}

#[test]
fn a_model_that_nobody_may_use_is_told_as_such() {
    let (pool, _) = pool(2);
    let refused = Fault { reason: Reason::Subscription, ..fault(FaultScope::AccountModel, Rest::For(HOUR)) };
    for _ in 0..2 {
        let mut lease = pool.pick("big", &[], T0).expect("a key");
        lease.fault("big", &refused, T0, 0);
    }
    assert_eq!(pool.pick("big", &[], T0).err(), Some(Nothing::ModelRefused));
    assert!(pool.pick(MODEL, &[], T0).is_ok());
}

#[test]
fn a_bucket_of_a_model_that_is_empty_is_told_as_a_rest() {
    let (pool, _) = pool(1);
    let until = T0 + HOUR;
    let fault =
        Fault { reason: Reason::FreeQuota, ..fault(FaultScope::AccountModel, Rest::Until(until, Provenance::Stated)) };
    pool.pick("m:free", &[], T0).expect("a key").fault("m:free", &fault, T0, 0);
    let told = pool.pick("m:free", &[], T0).err();
    assert_eq!(told, Some(Nothing::Resting { until, causes: vec![(Reason::FreeQuota, 1)] }));
    assert!(pool.pick("m:free", &[], until).is_ok());
}

#[test]
fn a_success_that_is_older_than_a_rest_does_not_end_it() {
    let (pool, _) = pool(2);
    let (mut a, mut b) = (pick(&pool, T0), pick(&pool, T0));
    a.fault(MODEL, &fault(FaultScope::Provider, Rest::Until(T0 + HOUR, Provenance::Stated)), T0, 0);
    b.success(MODEL, T0);
    assert!(matches!(pool.pick(MODEL, &[], T0).err(), Some(Nothing::UpstreamRests(_))));
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_ok());
}

#[test]
fn a_probe_of_the_upstream_that_met_a_bad_key_goes_on_with_the_next() {
    let (pool, _) = pool(2);
    for _ in 0..10 {
        pick(&pool, T0).fault(MODEL, &fault(FaultScope::Model, Rest::Strike), T0, 0);
    }
    assert!(pool.pick(MODEL, &[], T0).is_err());
    let later = T0 + Duration::from_mins(2);
    let mut probe = pick(&pool, later);
    assert!(pool.pick(MODEL, &[], later).is_err(), "one at a time");
    probe.fault(MODEL, &fault(FaultScope::Key, Rest::Strike), later, 0);
    let mut next = pool.pick(MODEL, &[probe.place()], later).expect("the same request's next key");
    next.success(MODEL, later);
    assert!(pool.pick(MODEL, &[], later).is_ok());
}

#[test]
fn what_was_learned_is_stored_and_restored() {
    let (pool, ids) = pool(1);
    pick(&pool, T0).fault("big", &fault(FaultScope::AccountModel, Rest::For(HOUR)), T0, 0);
    for _ in 0..3 {
        strike(&pool, T0);
    }
    let health = pool.take_dirty();
    assert_eq!(health.len(), 1);
    assert!(pool.take_dirty().is_empty(), "taken once");
    pool.mark_dirty(ids.iter().copied());
    assert_eq!(pool.take_dirty(), health, "and again after a failed write");

    let restored = pool_of(&[ApiKeyRow { strikes: health[0].strikes, cooldown: health[0].cooldown, ..row(0) }]);
    for (model, rest) in &health[0].model_rests {
        restored.restore_refusal(ids[0], model, *rest);
    }
    assert!(restored.pick(MODEL, &[], T0 + HOUR - Duration::from_millis(1)).is_err());
    assert!(restored.pick(MODEL, &[], T0 + HOUR).is_ok());
}

/// Pools of one provider before and after a restart.
fn restarted(pool: &Arc<Pool>) -> Arc<Pool> {
    let stored = pool.take_upstream_rests().expect("something to store");
    assert_eq!(pool.take_upstream_rests(), None, "taken once");
    pool.mark_upstream_rests();
    assert_eq!(pool.take_upstream_rests().as_ref(), Some(&stored), "and again after a failed write");
    let restored = pool_of(&[row(0)]);
    for (model, rest) in &stored.rests {
        restored.restore_upstream_rest(model.as_deref(), *rest);
    }
    assert_eq!(restored.take_upstream_rests(), None, "what was loaded is stored already");
    restored
}

#[test]
fn a_stated_rest_of_a_model_or_provider_is_restored_and_ends_without_a_probe() {
    let until = T0 + HOUR;
    for scope in [FaultScope::Model, FaultScope::Provider] {
        let (pool, _) = pool(1);
        pick(&pool, T0).fault(MODEL, &fault(scope, Rest::Until(until, Provenance::Stated)), T0, 0);
        let restored = restarted(&pool);
        let rest = Cooldown { until, reason: Reason::RateLimit, provenance: Provenance::Stated, scope };
        let nothing = restored.pick(MODEL, &[], until - Duration::from_millis(1)).err();
        assert_eq!(nothing, Some(Nothing::UpstreamRests(rest)));
        assert_eq!(restored.pick("another", &[], T0).is_ok(), scope == FaultScope::Model);
        let (_one, _two) = (pick(&restored, until), pick(&restored, until));
    }
}

#[test]
fn a_guessed_rest_of_a_model_or_provider_is_restored_and_ends_with_its_probe() {
    for scope in [FaultScope::Model, FaultScope::Provider] {
        let (pool, _) = pool(1);
        pick(&pool, T0).fault(MODEL, &fault(scope, Rest::For(HOUR)), T0, 0);
        let restored = restarted(&pool);
        let end = T0 + HOUR;
        assert!(restored.pick(MODEL, &[], end - Duration::from_millis(1)).is_err());
        let mut probe = pick(&restored, end);
        assert!(matches!(restored.pick(MODEL, &[], end).err(), Some(Nothing::UpstreamRests(_))), "one at a time");
        probe.success(MODEL, end);
        let (_one, _two) = (pick(&restored, end), pick(&restored, end));
        assert_eq!(restored.take_upstream_rests().map(|stored| stored.rests), Some(vec![]), "and is forgotten");
    }
}

fn rest_of(pool: &Arc<Pool>, reason: Reason, rest: Rest) {
    let fault = Fault { reason, ..fault(FaultScope::Account, rest) };
    pick(pool, T0).fault(MODEL, &fault, T0, 0);
}

#[test]
fn a_rejected_key_rests_for_a_day_and_comes_back_with_a_probe() {
    let (pool, ids) = pool(1);
    pool.reject(ids[0], T0);
    let end = T0 + HOUR * 24;
    let nothing = pool.pick(MODEL, &[], end - Duration::from_millis(1)).err();
    assert_eq!(nothing, Some(Nothing::Resting { until: end, causes: vec![(Reason::Unauthorized, 1)] }));
    let health = pool.take_dirty();
    assert_eq!(health.len(), 1);
    assert_eq!(health[0].cooldown.map(|c| (c.until, c.scope)), Some((end, FaultScope::Key)));
    let _probe = pick(&pool, end);
    assert!(pool.pick(MODEL, &[], end).is_err(), "one at a time");
}

#[test]
fn a_key_that_is_vouched_for_is_back_at_once() {
    let (pool, ids) = pool(1);
    for _ in 0..3 {
        strike(&pool, T0);
    }
    pool.vouch(ids[0], T0);
    let (_one, _two) = (pick(&pool, T0), pick(&pool, T0));
    assert!(pool.census(T0).resting.is_empty());
    pool.reject(ids[0], T0);
    pool.vouch(ids[0], T0 + HOUR);
    let (_one, _two) = (pick(&pool, T0 + HOUR), pick(&pool, T0 + HOUR));
    let health = pool.take_dirty();
    assert_eq!((health[0].strikes, health[0].cooldown), (0, None), "and so after a restart");
    pool.vouch(ids[0], T0 + HOUR);
    assert!(pool.take_dirty().is_empty(), "of a key without a fault there is nothing to store");
}

#[test]
fn who_vouches_for_a_key_says_nothing_of_its_quota() {
    let until = T0 + HOUR;
    let (pool, ids) = pool(1);
    strike(&pool, T0);
    rest_of(&pool, Reason::FreeQuota, Rest::Until(until, Provenance::Stated));
    pool.vouch(ids[0], T0);
    let nothing = pool.pick(MODEL, &[], T0).err();
    assert_eq!(nothing, Some(Nothing::Resting { until, causes: vec![(Reason::FreeQuota, 1)] }));
    let health = pool.take_dirty();
    assert_eq!((health[0].strikes, health[0].cooldown.map(|c| c.until)), (0, Some(until)));
    assert!(pool.pick(MODEL, &[], until).is_ok());
}

#[test]
fn a_guessed_quota_still_ends_with_a_probe_when_the_key_is_vouched_for() {
    let (pool, ids) = pool(1);
    rest_of(&pool, Reason::RateLimit, Rest::For(HOUR));
    let mut probe = pick(&pool, T0 + HOUR);
    pool.vouch(ids[0], T0 + HOUR);
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_err(), "the probe is under way");
    probe.success(MODEL, T0 + HOUR);
    let (_one, _two) = (pick(&pool, T0 + HOUR), pick(&pool, T0 + HOUR));
}

#[test]
fn what_an_admin_disabled_stays_so_whatever_is_said_of_the_key() {
    let (pool, ids) = pool(1);
    pool.disable(ids[0], None);
    pool.vouch(ids[0], T0);
    assert!(pool.pick(MODEL, &[], T0).is_err());
    pool.reject(ids[0], T0);
    pool.enable(ids[0], T0);
    assert!(pool.pick(MODEL, &[], T0).is_ok());
}

#[test]
fn a_rejected_key_that_rests_for_longer_already_does_so() {
    let until = T0 + HOUR * 48;
    let (pool, ids) = pool(1);
    rest_of(&pool, Reason::WeeklyQuota, Rest::Until(until, Provenance::Stated));
    pool.reject(ids[0], T0);
    assert!(pool.pick(MODEL, &[], until - Duration::from_millis(1)).is_err());
    assert!(pool.pick(MODEL, &[], until).is_ok());
}

#[test]
fn an_expiry_is_set_moved_and_taken_back() {
    let (pool, ids) = pool(1);
    assert!(pool.expire(ids[0], Some(T0 + HOUR), T0));
    assert!(pool.pick(MODEL, &[], T0).is_ok());
    assert_eq!(pool.pick(MODEL, &[], T0 + HOUR).err(), Some(Nothing::NoneUsable));
    pool.expire(ids[0], Some(T0 + HOUR * 2), T0 + HOUR);
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_ok(), "a key that has left its turns has them again");
    assert!(pool.pick(MODEL, &[], T0 + HOUR * 2).is_err());
    pool.expire(ids[0], None, T0 + HOUR * 2);
    assert!(pool.pick(MODEL, &[], T0 + HOUR * 1_000).is_ok());
}

#[test]
fn nobody_is_changed_by_what_is_said_of_a_key_that_is_gone() {
    let (pool, ids) = pool(2);
    pool.remove(ids[0]);
    pool.reject(ids[0], T0);
    pool.vouch(ids[0], T0);
    assert!(!pool.expire(ids[0], Some(T0), T0));
    assert!(pool.key(ids[0]).is_none() && pool.key(ids[1]).is_some());
    assert!(pool.pick(MODEL, &[], T0).is_ok() && pool.take_dirty().is_empty());
}

proptest! {
    #[test]
    fn turns_are_fair_within_one_over_any_window(keys in 1_u16..40, skip in 0_usize..200, window in 1_usize..400) {
        let (pool, _) = pool(keys);
        (0..skip).for_each(|_| drop(pick(&pool, T0)));
        let mut turns: HashMap<ApiKeyId, usize> = HashMap::new();
        (0..window).for_each(|_| *turns.entry(pick(&pool, T0).key().id).or_default() += 1);
        let least = window / usize::from(keys);
        prop_assert!(turns.values().all(|n| *n == least || *n == least + 1));
    }

    /// The first law: a request's fault never changes any key, whatever rest comes with it.
    #[test]
    fn a_requests_fault_never_changes_any_key(faults in prop::collection::vec(any_rest(), 1..40)) {
        let (pool, _) = pool(3);
        for rest in faults {
            pick(&pool, T0).fault(MODEL, &fault(FaultScope::Request, rest), T0, 7);
        }
        prop_assert!(pool.take_dirty().is_empty());
        prop_assert!(pool.census(T0).resting.is_empty());
        prop_assert!(pool.pick(MODEL, &[], T0).is_ok());
    }

    /// The second law: a provider's fault never walks the whole pool. No key is blamed, and after some faults nothing
    /// is sent until a probe.
    #[test]
    fn a_providers_fault_never_walks_the_pool(keys in 1_u16..60, is_model in any::<bool>(), rests in prop::collection::vec(any_rest(), 60)) {
        let (pool, _) = pool(keys);
        let scope = if is_model { FaultScope::Model } else { FaultScope::Provider };
        let mut sent = 0;
        for rest in rests {
            let Ok(mut lease) = pool.pick(MODEL, &[], T0) else { break };
            sent += 1;
            lease.fault(MODEL, &fault(scope, rest), T0, 7);
        }
        prop_assert!(sent <= 10, "{sent} requests were sent");
        prop_assert!(pool.take_dirty().is_empty());
        let rests = matches!(pool.pick(MODEL, &[], T0).err(), Some(Nothing::UpstreamRests(_)));
        prop_assert!(rests);
        prop_assert_eq!(pool.pick("another", &[], T0).is_ok(), is_model, "only what is at fault rests");
    }

    /// Whatever happens, a key that should be ready gets its turn.
    #[test]
    fn no_key_is_ever_lost(steps in prop::collection::vec((0_u8..11, 0_usize..4, any_rest(), 0_u64..4_000), 1..120)) {
        let (pool, ids) = pool(4);
        let mut now = T0;
        for (what, key, rest, seconds) in steps {
            now = now + Duration::from_secs(seconds);
            match (what, pool.pick(MODEL, &[], now)) {
                (0, Ok(mut lease)) => lease.success(MODEL, now),
                (1, Ok(mut lease)) => lease.fault(MODEL, &fault(FaultScope::Key, rest), now, 3),
                (2, Ok(mut lease)) => lease.fault(MODEL, &fault(FaultScope::Account, rest), now, 3),
                (3, Ok(mut lease)) => lease.fault(MODEL, &fault(FaultScope::AccountModel, rest), now, 3),
                (4, _) => { pool.disable(ids[key], Some(now + Duration::from_secs(seconds))); }
                (5, _) => { pool.enable(ids[key], now); }
                (6, _) => pool.vouch(ids[key], now),
                (7, _) => pool.reject(ids[key], now),
                (8, _) => { pool.expire(ids[key], Some(now + Duration::from_secs(seconds)), now); }
                (9, _) => { pool.expire(ids[key], None, now); }
                _ => {}
            }
        }
        // After the longest rest there is, four probes bring all four back.
        now = now + HOUR * 24 * 30;
        for id in &ids {
            pool.expire(*id, None, now);
        }
        for _ in 0..4 {
            pick(&pool, now).success(MODEL, now);
        }
        let back: std::collections::HashSet<_> = (0..4).map(|_| pick(&pool, now).key().id).collect();
        prop_assert_eq!(back.len(), 4);
    }
}

fn any_rest() -> impl Strategy<Value = Rest> {
    prop_oneof![
        Just(Rest::Strike),
        (1_u64..100_000).prop_map(|s| Rest::Until(T0 + Duration::from_secs(s), Provenance::Stated)),
        (1_u64..100_000).prop_map(|s| Rest::For(Duration::from_secs(s))),
        (1_u64..60).prop_map(|s| Rest::Backoff { base: Duration::from_secs(s), cap: Duration::from_mins(1) }),
    ]
}
