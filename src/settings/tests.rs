use std::collections::BTreeMap;

use super::value::Value;
use super::*;
use crate::config::{Args, Environment};

fn config(variables: &[(&str, &str)]) -> Config {
    Config::resolve(&Args::default(), &Environment::new(variables.iter().copied())).expect("a configuration")
}

fn started(variables: &[(&str, &str)], stored: &[(&str, &str)]) -> (Table, Settings) {
    let config = config(variables);
    let table = Table::new(&config, &config.providers);
    let stored: BTreeMap<_, _> = stored.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let settings = at_start(&config, &table, &stored);
    (table, settings)
}

fn told(table: &Table, settings: &Settings, name: &str) -> Value {
    table.find(name).unwrap_or_else(|| panic!("there is no setting {name}")).get(settings)
}

#[test]
fn every_setting_takes_back_what_it_tells_and_its_stored_form_means_the_same() {
    let (table, settings) = started(&[], &[]);
    for entry in table.entries() {
        let value = entry.get(&settings);
        let mut changed = settings.clone();
        entry.set(&mut changed, &value).unwrap_or_else(|problem| panic!("{}: {problem}", entry.name()));
        assert_eq!(entry.get(&changed), value, "{}", entry.name());
        assert_eq!(entry.parse(&value.to_text()), Ok(value.clone()), "{}", entry.name());
        assert_eq!(entry.of_json(&value.to_json()), Ok(value), "{}", entry.name());
    }
}

#[test]
fn every_setting_changes_itself_and_nothing_else() {
    let (table, settings) = started(&[], &[]);
    for entry in table.entries() {
        let other = match (entry.kind(), entry.get(&settings)) {
            (_, Value::Switch(switch)) => Value::Switch(!switch),
            (Kind::Number(range), Value::Number(number)) => {
                Value::Number(if number == *range.end() { *range.start() } else { number + 1 })
            }
            (Kind::Word(words), Value::Text(word)) => {
                Value::Text((*words.iter().find(|other| **other != word).expect("two words")).to_owned())
            }
            _ if entry.name() == "statistics.time_zone" => Value::Text(String::from("Asia/Shanghai")),
            _ if entry.name() == "openrouter.app_url" => Value::Text(String::from("https://pool.example/")),
            _ => Value::Text(String::from("other")),
        };
        let mut changed = settings.clone();
        entry.set(&mut changed, &other).unwrap_or_else(|problem| panic!("{}: {problem}", entry.name()));
        for seen in table.entries() {
            let expected = if seen.name() == entry.name() { other.clone() } else { seen.get(&settings) };
            assert_eq!(seen.get(&changed), expected, "{} after {}", seen.name(), entry.name());
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let text = |text: &str| Value::Text(text.to_owned());
    let (table, settings) = started(&[], &[]);
    for (name, value, says) in [
        ("cache.shared", text("true"), "true or false"),
        ("cache.mode", text("on"), "off, deterministic, all"),
        ("cache.mode", Value::Switch(true), "off, deterministic, all"),
        ("cache.ttl_seconds", Value::Number(0), "from 1 to 86400"),
        ("cache.ttl_seconds", text("60"), "from 1 to 86400"),
        ("cache.max_bytes", Value::Number(1), "from 65536"),
        ("statistics.time_zone", text("Mars/Olympus"), "time zone"),
        ("openrouter.app_url", text("https://user:secret@host"), "URL"),
        ("openrouter.app_url", text("ftp://host"), "URL"),
        ("openrouter.app_title", text("a\nb"), "ASCII"),
        ("providers.ollama.enabled", Value::Number(1), "true or false"),
    ] {
        let mut changed = settings.clone();
        let problem = table.find(name).expect("a setting").set(&mut changed, &value).expect_err(name);
        assert!(problem.to_string().contains(says), "{name}: {problem}");
        assert_eq!(told(&table, &changed, name), told(&table, &settings, name));
    }
}

#[test]
fn what_was_stored_is_in_force_unless_the_configuration_gives_a_value() {
    let stored = [("cache.mode", "all"), ("rate_limit.requests", "7"), ("providers.ollama.enabled", "false")];
    let (table, settings) = started(&[], &stored);
    assert_eq!(settings.cache.mode, CacheMode::All);
    assert_eq!(settings.rate_limit.requests, 7);
    assert!(!settings.is_enabled(&ProviderId::ollama()) && settings.is_enabled(&ProviderId::openrouter()));
    assert!(table.entries().iter().all(|entry| entry.locked_by().is_none()));

    let (table, settings) = started(&[("RATE_LIMIT_REQUESTS", "9"), ("DISABLE_OLLAMA", "false")], &stored);
    assert_eq!(settings.rate_limit.requests, 9);
    assert!(settings.is_enabled(&ProviderId::ollama()));
    let locked = |name| table.find(name).and_then(Entry::locked_by);
    assert_eq!(locked("rate_limit.requests"), Some("RATE_LIMIT_REQUESTS"));
    assert_eq!(locked("providers.ollama.enabled"), Some("DISABLE_OLLAMA"));
    assert_eq!(locked("cache.mode"), None);
}

#[test]
fn a_stored_value_that_nobody_understands_is_left_out() {
    let stored =
        [("cache.mode", "sideways"), ("cache.ttl_seconds", "soon"), ("gone.setting", "1"), ("bots.policy", "log")];
    let (_, settings) = started(&[], &stored);
    assert_eq!(settings.cache.mode, CacheMode::Off);
    assert_eq!(settings.cache.ttl, Duration::from_mins(1));
    assert_eq!(settings.bots, BotPolicy::Log);
}
