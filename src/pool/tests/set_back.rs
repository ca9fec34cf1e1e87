//! The clock is set back while keys, models and a provider rest.

use super::*;

const YEAR: Duration = Duration::from_hours(365 * 24);

fn until(at: Timestamp) -> Rest {
    Rest::Until(at, Provenance::Stated)
}

/// Blames the only key of the pool for this at `T0`, sets the clock back by a year, and looks when it is served again.
#[track_caller]
fn check(fault: &Fault) {
    let (pool, _) = pool(1);
    pick(&pool, T0).fault(MODEL, fault, T0, 0);
    pool.set_back(YEAR);
    let now = T0 - YEAR;
    assert!(pool.pick(MODEL, &[], now).is_err(), "{fault:?}");
    assert!(pool.pick(MODEL, &[], now + HOUR - Duration::from_millis(1)).is_err(), "{fault:?}");
    assert!(pool.pick(MODEL, &[], now + HOUR).is_ok(), "{fault:?}");
}

#[test]
fn rests_of_every_scope_last_as_long_as_they_would_have() {
    for scope in
        [FaultScope::Key, FaultScope::Account, FaultScope::AccountModel, FaultScope::Model, FaultScope::Provider]
    {
        check(&fault(scope, until(T0 + HOUR)));
    }
}

#[test]
fn they_are_stored_anew() {
    let (pool, ids) = pool(2);
    pick(&pool, T0).fault(MODEL, &fault(FaultScope::Key, until(T0 + HOUR)), T0, 0);
    pick(&pool, T0).fault("other", &fault(FaultScope::AccountModel, until(T0 + HOUR)), T0, 0);
    pick(&pool, T0).fault(MODEL, &fault(FaultScope::Model, until(T0 + HOUR)), T0, 0);
    drop((pool.take_dirty(), pool.take_upstream_rests()));
    pool.set_back(YEAR);
    let mut rests = pool.take_dirty();
    rests.sort_by_key(|row| row.id != ids[0]);
    assert_eq!(rests.len(), 2);
    assert_eq!(rests[0].cooldown.map(|rest| rest.until), Some(T0 + HOUR - YEAR));
    assert_eq!(rests[1].model_rests[0].1.until, T0 + HOUR - YEAR);
    let upstream = pool.take_upstream_rests().expect("they changed");
    assert_eq!(upstream.rests[0].1.until, T0 + HOUR - YEAR);
}

#[test]
fn a_disabled_key_comes_back_when_the_calendar_says() {
    let (pool, ids) = pool(1);
    pool.disable(ids[0], Some(T0 + HOUR));
    pool.set_back(HOUR);
    assert!(pool.pick(MODEL, &[], T0 + HOUR - Duration::from_millis(1)).is_err());
    assert!(pool.pick(MODEL, &[], T0 + HOUR).is_ok());
}
