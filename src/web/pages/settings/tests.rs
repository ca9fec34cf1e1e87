use fluent_bundle::{FluentArgs, FluentValue};

use super::form::problem;
use super::*;
use crate::config::{Args, Config, Environment};
use crate::settings::Problem;
use crate::web::pages::registry::Sampled;
use crate::web::text::Catalogue;

fn table(variables: &[(&str, &str)]) -> Table {
    let environment = Environment::new(variables.iter().copied());
    let config = Config::resolve(&Args::default(), &environment).expect("a configuration");
    Table::new(&config, &config.providers)
}

#[test]
fn every_setting_is_in_a_group_and_has_its_words_in_every_language() {
    let table = table(&[]);
    let mut ids: Vec<_> = GROUPS.iter().map(|(group, _)| format!("settings-group-{group}")).collect();
    for entry in table.entries() {
        let name = entry.name();
        let groups = GROUPS.iter().filter(|(group, _)| of_group(&table, group).any(|other| other.name() == name));
        assert_eq!(groups.count(), 1, "{name}");
        let id = format!("setting-{}", text_id(name));
        ids.push(format!("{id}-help"));
        if let Kind::Word(words) = entry.kind() {
            ids.extend(words.iter().map(|word| format!("{id}-is-{word}")));
        }
        ids.push(id);
    }
    let mut args = FluentArgs::new();
    args.set("provider", FluentValue::from("Ollama Cloud"));
    for language in Language::ALL {
        let catalogue = Catalogue::new(language);
        for id in &ids {
            assert!(catalogue.text(id, &args).is_some(), "{id} in {language:?}");
        }
    }
}

#[test]
fn what_a_text_has_to_be_is_said_of_each() {
    let table = table(&[]);
    for entry in table.entries().iter().filter(|entry| *entry.kind() == Kind::Text) {
        let said = problem(entry, &Problem::Other("something"), Language::En);
        assert_ne!(said, Text::new("settings-problem-text"), "{}", entry.name());
    }
}

impl Sampled for SettingsPage {
    fn samples() -> Vec<Self> {
        let rows = |variables: &[(&str, &str)]| {
            let table = table(variables);
            let row = |entry: &Entry| Row::new(entry, table.defaults(), table.defaults(), Language::Zh);
            let group = |name| Group { name, rows: of_group(&table, name).map(row).collect() };
            GROUPS.iter().map(|(name, _)| group(*name)).collect::<Vec<_>>()
        };
        let mut hostile =
            rows(&[("RATE_LIMIT_REQUESTS", "9"), ("DISABLE_OLLAMA", "true"), ("ENABLE_BOT_DETECTION", "log")]);
        for row in hostile.iter_mut().flat_map(|group| &mut group.rows) {
            row.is_changed = true;
            row.error = Some(Text::new("settings-problem-url"));
            if row.kind == "text" {
                row.default = String::from("<b>payload</b>");
                row.value = String::from("\"<b>payload</b>");
            }
            if row.name.starts_with("providers.") {
                row.provider = Some(String::from("<b>payload</b>"));
            }
        }
        let mut plain = rows(&[]);
        for row in plain.iter_mut().flat_map(|group| &mut group.rows).filter(|row| row.name.starts_with("providers.")) {
            row.provider = Some(String::from("Ollama Cloud"));
        }
        vec![Self { groups: plain }, Self { groups: hostile }]
    }
}
