use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::domain::audit::By;
use crate::storage::tests::{Fixture, NOW};
use crate::storage::{AuditFilter, Keep, Page};

const HOUR: Duration = Duration::from_hours(1);

fn by_admin(at: Timestamp) -> Change {
    let client_address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Change { by: By { actor: Actor::Admin, client_address, request_id: None }, at }
}

fn new(secret: &str) -> NewSession {
    NewSession {
        secret_hash: SessionHash::of(secret),
        credential_digest: CredentialDigest::from_bytes([7; CredentialDigest::LEN]),
        expires_at: NOW + HOUR,
        user_agent: Some(String::from("Firefox")),
    }
}

/// What the audit log has, oldest first: the actions and whom they were about.
async fn noted(fixture: &Fixture) -> Vec<(String, Option<String>)> {
    let page = Page { number: NonZeroU32::MIN, size: NonZeroU32::new(100).unwrap() };
    let page = fixture.storage.list_audit_log(AuditFilter::default(), page).await.unwrap();
    page.entries.into_iter().rev().map(|entry| (entry.action, entry.subject)).collect()
}

#[tokio::test]
async fn a_session_is_found_by_its_secret_and_outlives_the_process() {
    let fixture = Fixture::new().await;
    let added = fixture.storage.add_session(new("cookie"), by_admin(NOW)).await.unwrap();
    assert_eq!((added.actor, added.created_at, added.last_seen_at), (Actor::Admin, NOW, NOW));
    assert_eq!(added.client_address.as_deref(), Some("127.0.0.1"));
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.storage.session(SessionHash::of("cookie")).await.unwrap(), Some(added.clone()));
    assert_eq!(fixture.storage.session(SessionHash::of("another")).await.unwrap(), None);
    let again = fixture.storage.add_session(new("cookie"), by_admin(NOW)).await;
    assert!(matches!(again, Err(Error::Conflict { what: "session" })));
    assert_eq!(noted(&fixture).await, [(String::from("session.create"), Some(added.id.to_string()))]);
}

#[tokio::test]
async fn only_the_beginning_of_a_long_name_is_kept() {
    let fixture = Fixture::new().await;
    let long = NewSession { user_agent: Some("ü".repeat(10_000)), ..new("cookie") };
    let added = fixture.storage.add_session(long, by_admin(NOW)).await.unwrap();
    assert_eq!(added.user_agent, Some("ü".repeat(USER_AGENT_MAX)));
}

#[tokio::test]
async fn a_session_that_is_used_lasts_longer() {
    let fixture = Fixture::new().await;
    let added = fixture.storage.add_session(new("cookie"), by_admin(NOW)).await.unwrap();
    let (seen_at, expires_at) = (NOW + HOUR / 2, NOW + HOUR * 2);
    assert!(fixture.storage.touch_session(added.id, seen_at, expires_at).await.unwrap());
    let touched = fixture.storage.session(SessionHash::of("cookie")).await.unwrap().unwrap();
    assert_eq!(touched, Session { last_seen_at: seen_at, expires_at, ..added.clone() });
    fixture.storage.end_session(added.id, by_admin(NOW)).await.unwrap();
    assert!(!fixture.storage.touch_session(added.id, seen_at, expires_at).await.unwrap());
    assert_eq!(noted(&fixture).await.len(), 2, "a use is no change");
}

#[tokio::test]
async fn a_session_ends_once_and_that_is_noted() {
    let fixture = Fixture::new().await;
    let added = fixture.storage.add_session(new("cookie"), by_admin(NOW)).await.unwrap();
    assert!(fixture.storage.end_session(added.id, by_admin(NOW)).await.unwrap());
    assert!(!fixture.storage.end_session(added.id, by_admin(NOW)).await.unwrap());
    assert_eq!(fixture.storage.session(SessionHash::of("cookie")).await.unwrap(), None);
    let id = Some(added.id.to_string());
    let expected = [("session.create", &id), ("session.end", &id)].map(|(action, id)| (action.to_owned(), id.clone()));
    assert_eq!(noted(&fixture).await, expected);
}

#[tokio::test]
async fn all_sessions_but_ones_own_are_ended_together() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let added = fixture.storage.add_session(new(&n.to_string()), by_admin(NOW + HOUR * n)).await.unwrap();
        ids.insert(0, added.id);
    }
    let listed = fixture.storage.sessions(Actor::Admin).await.unwrap();
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), ids, "the last one used comes first");
    assert!(fixture.storage.sessions(Actor::System).await.unwrap().is_empty());
    assert_eq!(fixture.storage.end_sessions(Some(ids[1]), by_admin(NOW)).await.unwrap(), 2);
    assert_eq!(fixture.storage.sessions(Actor::Admin).await.unwrap().len(), 1);
    assert_eq!(fixture.storage.end_sessions(None, by_admin(NOW)).await.unwrap(), 1);
    assert_eq!(fixture.storage.end_sessions(None, by_admin(NOW)).await.unwrap(), 0);
    assert_eq!(noted(&fixture).await.len(), 6);

    for n in 0..=ONE_BY_ONE {
        fixture.storage.add_session(new(&n.to_string()), by_admin(NOW)).await.unwrap();
    }
    let before = noted(&fixture).await.len();
    fixture.storage.end_sessions(None, by_admin(NOW + HOUR * 3)).await.unwrap();
    assert_eq!(noted(&fixture).await.split_off(before), [(String::from("session.end"), None)], "one for so many");
}

#[tokio::test]
async fn sessions_that_are_over_are_deleted_with_what_is_old() {
    const KEEP: Keep = Keep { hours: HOUR, key_hours: HOUR, audit_log: HOUR, jobs: HOUR, max_bytes: u64::MAX };
    let fixture = Fixture::new().await;
    let kept = fixture.storage.add_session(new("kept"), by_admin(NOW)).await.unwrap();
    let over = NewSession { expires_at: NOW, ..new("over") };
    fixture.storage.add_session(over, by_admin(NOW)).await.unwrap();
    assert_eq!(fixture.storage.prune(KEEP, NOW + HOUR).await.unwrap().old, 1);
    assert_eq!(fixture.storage.sessions(Actor::Admin).await.unwrap(), [kept]);
}
