use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::domain::audit::By;
use crate::domain::provider::ProviderId;
use crate::storage::tests::{Fixture, NOW, new_key};
use crate::storage::{KeyEdit, KeyRef, SettingChange};

fn by_admin(at: Timestamp) -> Change {
    let client_address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Change { by: By { actor: Actor::Admin, client_address, request_id: Some(String::from("0123")) }, at }
}

fn page(number: u32, size: u32) -> Page {
    Page { number: NonZeroU32::new(number).unwrap(), size: NonZeroU32::new(size).unwrap() }
}

async fn entries(fixture: &Fixture, filter: AuditFilter) -> Vec<AuditEntry> {
    fixture.storage.list_audit_log(filter, page(1, 100)).await.unwrap().entries
}

#[tokio::test]
async fn a_change_is_noted_with_who_what_and_how_it_was() {
    let fixture = Fixture::new().await;
    let id = fixture.add_keys(ProviderId::ollama(), "key-of-some-length", 1).await[0];
    let later = NOW + Duration::from_secs(1);
    let until = later + Duration::from_mins(1);
    let disable = KeyEdit::Disable { until: Some(until) };
    fixture.storage.edit_api_keys(None, vec![KeyRef::Id(id)], disable, by_admin(later)).await.unwrap();
    let noted = entries(&fixture, AuditFilter::default()).await;
    let actions: Vec<_> = noted.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["api_key.disable", "api_key.add"]);
    let entry = &noted[0];
    assert_eq!((entry.actor, entry.happened_at), (Actor::Admin, later));
    assert_eq!(entry.client_address.as_deref(), Some("127.0.0.1"));
    assert_eq!(entry.request_id.as_deref(), Some("0123"));
    assert_eq!(entry.subject, Some(id.to_string()));
    let (before, after) = (entry.before.clone().unwrap(), entry.after.clone().unwrap());
    assert_eq!((&before["disabled"], &after["disabled"]), (&json!(false), &json!(true)));
    assert_eq!(after["disabledUntil"], until.to_rfc3339());
    assert_eq!(noted[1].actor, Actor::System);
    assert!(!format!("{noted:?}").contains("key-of-some-length-0\"}"), "no secret is noted");
}

#[tokio::test]
async fn what_was_not_found_or_failed_is_not_noted() {
    let fixture = Fixture::new().await;
    let unknown = KeyRef::Secret(crate::domain::secret::ApiKeySecret::parse("nobody").unwrap());
    let edited = fixture.storage.edit_api_keys(None, vec![unknown], KeyEdit::Enable, NOW).await.unwrap();
    assert_eq!(edited, [None]);
    let nowhere = ProviderId::parse("nowhere").unwrap();
    assert!(fixture.storage.add_api_keys(nowhere, vec![new_key("a")], NOW).await.is_err());
    assert!(entries(&fixture, AuditFilter::default()).await.is_empty());
}

#[tokio::test]
async fn many_keys_at_once_have_one_entry() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 21).await;
    let refs = ids.iter().copied().map(KeyRef::Id).collect();
    fixture.storage.edit_api_keys(None, refs, KeyEdit::Delete, NOW).await.unwrap();
    let noted = entries(&fixture, AuditFilter::default()).await;
    assert_eq!(noted.len(), 2);
    assert!(noted.iter().all(|entry| entry.subject.is_none()));
    let ids = json!(ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    for after in noted.iter().map(|entry| entry.after.as_ref().unwrap()) {
        assert_eq!((&after["count"], &after["ids"]), (&json!(21), &ids), "so that each can be told");
    }
}

#[tokio::test]
async fn that_a_key_rests_no_more_is_noted_and_what_was_so_before_is_not() {
    const REST: &str = "
        UPDATE api_keys SET strikes = 2, cooldown_until_at = 1767268860000, cooldown_reason = 'rate_limit',
            cooldown_provenance = 'stated', cooldown_scope = 'key'";
    const MODEL: &str = "
        INSERT INTO model_rests (api_key_id, model, until_at, reason, provenance)
        SELECT id, 'model', 1767268860000, 'subscription', 'guessed' FROM api_keys";
    let fixture = Fixture::new().await;
    let id = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    let enabled = async || {
        let edited = fixture.storage.edit_api_keys(None, vec![KeyRef::Id(id)], KeyEdit::Enable, NOW).await.unwrap();
        assert!(edited[0].is_some(), "it is done in any case");
        let filter = AuditFilter { action: Some(String::from("api_key.enable")), ..AuditFilter::default() };
        entries(&fixture, filter).await
    };
    assert_eq!(enabled().await, []);
    for (number, (sql, names)) in
        (1..).zip([(REST, &["strikes", "cooldownUntil", "cooldownReason"][..]), (MODEL, &["restingModels"])])
    {
        fixture.storage.write(move |tx| Ok(tx.execute(sql, [])?)).await.unwrap();
        let noted = enabled().await;
        assert_eq!(noted.len(), number);
        let (before, after) = (noted[0].before.clone().unwrap(), noted[0].after.clone().unwrap());
        let differ: Vec<_> = names.iter().filter(|name| before[**name] != after[**name]).collect();
        assert_eq!(differ.len(), names.len(), "{before} {after}");
        assert_eq!(enabled().await.len(), number, "enabled already");
    }
}

#[tokio::test]
async fn the_log_is_listed_by_what_and_when_page_by_page() {
    let fixture = Fixture::new().await;
    for n in 0..5_u32 {
        let setting = SettingChange {
            name: format!("name.{n}"),
            value: Some(n.to_string()),
            before: Value::Null,
            after: json!(n),
        };
        let at = NOW + Duration::from_secs(n.into());
        fixture.storage.change_settings(vec![setting], by_admin(at)).await.unwrap();
    }
    fixture.add_keys(ProviderId::ollama(), "key", 1).await;
    let action = |text: &str| AuditFilter { action: Some(text.to_owned()), ..AuditFilter::default() };
    for (filter, number) in [
        (action("setting"), 5),
        (action("setting.change"), 5),
        (action("set"), 0),
        (action("api_key"), 1),
        (AuditFilter { subject: Some(String::from("name.3")), ..AuditFilter::default() }, 1),
        (AuditFilter { since: Some(NOW + Duration::from_secs(3)), ..AuditFilter::default() }, 2),
        (AuditFilter { until: Some(NOW + Duration::from_secs(1)), ..action("setting") }, 1),
    ] {
        assert_eq!(entries(&fixture, filter.clone()).await.len(), number, "{filter:?}");
    }
    let second = fixture.storage.list_audit_log(action("setting"), page(2, 2)).await.unwrap();
    let subjects: Vec<_> = second.entries.iter().filter_map(|entry| entry.subject.as_deref()).collect();
    assert_eq!((subjects, second.total, second.page), (vec!["name.2", "name.1"], 5, 2));
    let beyond = fixture.storage.list_audit_log(action("setting"), page(9, 2)).await.unwrap();
    assert_eq!((beyond.page, beyond.entries.len()), (3, 1));
}
