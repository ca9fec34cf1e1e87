use fluent_bundle::FluentArgs;
use serde_json::json;

use super::*;
use crate::config::{Args, Config, Environment};
use crate::domain::ids::AuditEntryId;
use crate::settings::Table;
use crate::web::pages::registry::Sampled;
use crate::web::text::Catalogue;

#[test]
fn every_action_and_field_has_its_words_in_every_language() {
    let actions = ACTIONS.iter().flat_map(|(family, actions)| {
        actions.iter().map(move |action| format!("audit-action-{}-{action}", family.replace('_', "-")))
    });
    let fields = difference::fields_with_a_name().map(|field| format!("audit-field-{field}"));
    let ids: Vec<_> = actions.chain(fields).collect();
    for language in Language::ALL {
        let catalogue = Catalogue::new(language);
        for id in &ids {
            assert!(catalogue.text(id, &FluentArgs::new()).is_some(), "{id} in {language:?}");
        }
    }
}

#[test]
fn a_day_is_a_day_of_utc_and_nonsense_is_told() {
    let wanted = |since: &str, until: &str| Wanted { since: since.into(), until: until.into(), ..Wanted::default() };
    let (filter, error) = wanted("2026-01-01", " 2026-01-01 ").filter();
    let hours = filter.since.zip(filter.until).map(|(since, until)| since.until(until).as_secs() / 3_600);
    assert_eq!((hours, error), (Some(24), None));
    for (since, until) in [("yesterday", ""), ("", "2026-13-01"), ("2026-01-01T00:00:00Z", "")] {
        assert_eq!(wanted(since, until).filter().1, Some(Text::new("audit-day-unreadable")), "{since} {until}");
    }
}

impl Sampled for AuditLogPage {
    fn samples() -> Vec<Self> {
        let config =
            Config::resolve(&Args::default(), &Environment::new([] as [(&str, &str); 0])).expect("a configuration");
        let table = Table::new(&config, &config.providers);
        let hostile = || String::from("<b>payload</b>");
        let entry = |action: &str, subject: Option<String>, before, after| {
            let at = Timestamp::from_millis(1_767_268_800_000);
            let entry = AuditEntry {
                id: AuditEntryId::new(at, [0; 10]),
                happened_at: at,
                actor: if subject.is_some() { Actor::Admin } else { Actor::System },
                client_address: subject.as_ref().map(|_| hostile()),
                request_id: subject.as_ref().map(|_| hostile()),
                action: action.to_owned(),
                subject,
                before,
                after,
            };
            EntryRow::new(entry, &|name| table.find(name), Language::Zh)
        };
        let all = json!({
            "label": hostile(), "last4": hostile(), "userAgent": hostile(), "odd<b>payload</b>": hostile(), "count": 21, "disabled": true,
            "ids": ["1", "2", "3", "4", "5", "<b>payload</b>"], "expiresAt": "2026-01-01T12:00:00Z",
            "cooldownReason": "session_quota", "verdict": "valid", "task": {"do": "check", "by_chat": true},
        });
        let setting = Some(String::from("cache.mode"));
        let entries = vec![
            entry("api_key.add", Some(hostile()), None, Some(all.clone())),
            entry("api_key.edit", Some(hostile()), Some(json!({"label": hostile()})), Some(json!({"label": null}))),
            entry("setting.change", setting, Some(json!("off")), Some(json!("all"))),
            entry("setting.change", Some(String::from("cache.ttl_seconds")), Some(json!(60)), Some(json!(null))),
            entry("setting.change", Some(String::from("providers.ollama.enabled")), None, Some(json!(false))),
            entry("gone.<b>payload</b>", None, Some(all), None),
            entry("backup.make", None, None, None),
        ];
        let page = |entries: Vec<EntryRow>, is_filtered, error| Self {
            entries,
            pager: Pager::sample(),
            families: families(),
            family: String::from("api_key"),
            subject: hostile(),
            since: hostile(),
            until: String::from("2026-11-22"),
            is_filtered,
            error,
            all: HERE,
        };
        let error = Some(Text::new("audit-day-unreadable"));
        vec![page(entries, true, error), page(Vec::new(), true, None), page(Vec::new(), false, None)]
    }
}
