//! Reading the configuration again while the server runs, as SIGHUP orders.
//!
//! Flags and the environment are what they were at the start; files may have changed. Much of a configuration is what the
//! server is built of: such an option is in force after a restart only, and the log says so by name. What is secret is read
//! at the start alone and not compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;

use super::App;
use crate::config::{Config, ConfigError, EffectiveValue, Origin};
use crate::settings::{self, Table};
use crate::telemetry::Filter;

/// Reads what was typed, the environment and the file once more.
pub type ReadAgain = Box<dyn Fn() -> Result<Config, Vec<ConfigError>>>;

/// Options besides those of settings whose value is put in force at once.
const AT_ONCE: [&str; 3] = ["LOG_LEVEL", "MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_IP"];

pub(super) struct Reload {
    read: ReadAgain,
    filter: Filter,
    in_force: BTreeMap<&'static str, EffectiveValue>,
}

impl Reload {
    /// `config` is what the server starts with.
    pub(super) fn new(config: &Config, filter: Filter, read: ReadAgain) -> Self {
        let in_force = config.effective().iter().map(|row| (row.name, row.clone())).collect();
        Self { read, filter, in_force }
    }

    /// Puts in force what can be. A configuration with a problem changes nothing.
    pub(super) fn run(&mut self, app: &App) {
        if let Some(certificates) = &app.certificates {
            certificates.reload();
        }
        let config = match (self.read)() {
            Ok(config) => config,
            Err(problems) => {
                for problem in problems {
                    tracing::warn!(%problem, "the configuration cannot be read again; what was in force stays so");
                }
                return;
            }
        };
        let changed: Vec<_> = config.effective().iter().filter(|row| self.is_changed(row)).collect();
        let (at_once, at_restart): (Vec<_>, Vec<_>) = changed.into_iter().partition(|row| is_at_once(row.name));
        let names = |rows: &[&EffectiveValue]| rows.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        if !at_restart.is_empty() {
            tracing::warn!(options = names(&at_restart), "changed, and in force after a restart only");
        }
        if at_once.is_empty() {
            return tracing::info!("the configuration was read again, and changed nothing");
        }
        match app.adopt(&config).and_then(|()| self.filter.replace(&config.log)) {
            Ok(()) => {
                tracing::info!(options = names(&at_once), "the configuration was read again and is in force");
                self.in_force.extend(at_once.into_iter().map(|row| (row.name, row.clone())));
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "the configuration could not be put in force"),
        }
    }

    fn is_changed(&self, row: &EffectiveValue) -> bool {
        // That somebody gives a value, be it the default, locks a setting. On which line matters to nobody.
        let is_given = |row: &EffectiveValue| row.origin != Origin::Default;
        self.in_force.get(row.name).is_none_or(|old| old.value != row.value || is_given(old) != is_given(row))
    }
}

fn is_at_once(option: &str) -> bool {
    AT_ONCE.contains(&option) || settings::options().any(|of_setting| of_setting == option)
}

impl App {
    fn adopt(&self, config: &Config) -> anyhow::Result<()> {
        let table = Table::new(config, &config.providers);
        self.block_on(async {
            let settings_of = |stored: &BTreeMap<_, _>| settings::at_start(config, &table, stored);
            self.state.changes.reread_settings(settings_of).await.context("cannot read the settings")
        })?;
        self.state.settings_table.store(Arc::new(table));
        self.room.set_limits(&config.clients);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Args, Environment};

    #[test]
    fn every_option_that_is_put_in_force_is_an_option() {
        let nothing: [(&str, &str); 0] = [];
        let config = Config::resolve(&Args::default(), &Environment::new(nothing)).ok().unwrap();
        let is_option = |name: &str| config.effective().iter().any(|row| row.name == name);
        assert!(AT_ONCE.into_iter().chain(settings::options()).all(is_option));
    }
}
