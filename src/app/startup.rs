//! What happens once, before the first request: the data directory, the master key, the database, the admin token.
//!
//! Every refusal to start is one sentence that says what to do.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;

use super::admin::{self, NewAdmin};
use super::rekey;
use super::restore;
use super::room::Room;
use super::tls::Certificates;
use crate::access::{Access, ClientToken};
use crate::cache::Caches;
use crate::changes::{self, Changes};
use crate::checks::{Checkable, Checks};
use crate::clock::Clock;
use crate::config::{Config, ProxyLimits, Way};
use crate::domain::audit::Change;
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::secret::{ApiKeySecret, ClientTokenSecret};
use crate::domain::time::Timestamp;
use crate::key_check::KeyCheck;
use crate::pool::Pool;
use crate::proxy::{Shared, Upstream};
use crate::settings;
use crate::storage::{self, NewApiKey, Storage};
use crate::transport::{Endpoint, Options, TlsRoots, Transport, UpstreamProxy};
use crate::usage::{Ledger, ModelNames};
use crate::vault::{MasterKey, Vault};
use crate::web::{Control, State};

/// The file in the data directory that holds the master key, unless it is configured.
pub const MASTER_KEY_FILE: &str = "master.key";

/// The data directory, held against a second process for as long as this lives.
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let Some(directory) = Self::try_open(path)? else {
            bail!(
                "the data directory {} is in use by another process: stop that one, or set DATA_DIR to another directory",
                path.display()
            );
        };
        Ok(directory)
    }

    /// `None` when another process holds it.
    pub(super) fn try_open(path: &Path) -> anyhow::Result<Option<Self>> {
        let shown = path.display();
        if path.exists() && !path.is_dir() {
            bail!("the data directory {shown} is a file: set DATA_DIR to a directory");
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
            format!(
                "cannot create the data directory {shown}: choose another with DATA_DIR, or make its parent writable"
            )
        })?;
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(|| format!("cannot write in the data directory {shown}: make it writable for this user"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                restore::settle(path)?;
                Ok(Some(Self { path: path.to_owned(), _lock: lock }))
            }
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).with_context(|| {
                format!("cannot lock the data directory {shown}: set DATA_DIR to a file system that has locks")
            }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes as many file descriptors as the system grants: every connection is one, and the usual 1,024 are for programs
/// that use `select`.
pub(super) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(error = &error as &dyn std::error::Error, "the limit of open files could not be raised");
    }
}

/// The database of a data directory.
pub(super) struct OpenedStorage {
    pub(super) storage: Storage,
    /// Whether a master key was made for it.
    pub(super) is_key_new: bool,
}

pub(super) fn open_storage(config: &Config, directory: &Directory, now: Timestamp) -> anyhow::Result<OpenedStorage> {
    let (master_key, is_key_new) = match &config.secrets.master_key {
        Some(key) => (MasterKey::from_bytes(key.expose()), false),
        None => master_key_of(directory, now)?,
    };
    let vault = Arc::new(Vault::new(&master_key));
    Ok(OpenedStorage { storage: Storage::open(&directory.path, vault, now)?, is_key_new })
}

/// A new key is made beside an empty directory only: beside a database it could open nothing, and would hide that the
/// right one is gone.
fn master_key_of(directory: &Directory, now: Timestamp) -> anyhow::Result<(MasterKey, bool)> {
    rekey::settle(&directory.path, now)?;
    let path = directory.path.join(MASTER_KEY_FILE);
    let has_database = directory.path.join(storage::FILE_NAME).metadata().is_ok_and(|file| file.len() > 0);
    if has_database && !path.exists() {
        bail!(
            "{} is missing, and the database was sealed with it: restore that file, or set MASTER_KEY",
            path.display()
        );
    }
    Ok(MasterKey::load_or_create(&path)?)
}

/// Everything that runs, before it runs.
pub(super) struct Opened {
    pub(super) new_admin: Option<NewAdmin>,
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
    pub(super) tls: TlsRoots,
    pub(super) limits: ProxyLimits,
    pub(super) room: Arc<Room>,
}

/// Reads what is stored into the live parts.
pub(super) async fn load(
    config: Config,
    clock: Clock,
    storage: Storage,
    default_provider: ProviderId,
    directory: &Directory,
) -> anyhow::Result<Opened> {
    let now = clock.now();
    storage.ensure_providers(&config.providers, now).await.context("cannot store the providers")?;
    let (admin_token, new_admin) = admin::token(&config, &storage, directory).await?;
    let pools = load_pools(&storage, &config.providers, now).await?;
    let access = load_access(&storage).await?;
    let tls = tls_roots(&config)?;
    let upstreams = load_upstreams(&storage, &config, &tls, &pools).await?;
    let ledger = Arc::new(Ledger::new(storage.clone(), pools.clone(), config.workers));
    let table = settings::Table::new(&config, &config.providers);
    let stored = storage.settings().await.context("cannot read the settings")?;
    let settings = settings::Live::new(settings::at_start(&config, &table, &stored));
    let checks = Arc::new(checks(&upstreams, &tls, &settings, &clock));
    let pools: Arc<[Arc<Pool>]> = pools.into();
    let changes = Changes::new(changes::Parts {
        storage: storage.clone(),
        pools: Arc::clone(&pools),
        access: Arc::clone(&access),
        ledger: Arc::clone(&ledger),
        settings: settings.clone(),
        clock: clock.clone(),
        default_provider: default_provider.clone(),
    });
    let caches = Arc::new(Caches::new(&clock));
    let room = Arc::new(Room::new(&config.clients, config.trusted_proxies.clone()));
    let control = Control::new(default_provider.clone(), config.trusted_proxies.clone(), config.admin_networks);
    let state = State {
        storage,
        pools,
        providers: config.providers.clone().into(),
        access: Arc::clone(&access),
        ledger,
        clock: clock.clone(),
        admin_token: Arc::new(admin_token),
        started: Instant::now(),
        started_at: now,
        is_draining: Arc::default(),
        surroundings: room.surroundings(),
        public_stats: crate::web::PublicStatsCache::default(),
        caches: Arc::clone(&caches),
        settings: settings.clone(),
        settings_table: Arc::new(ArcSwap::from_pointee(table)),
        changes: Arc::new(changes),
        checks,
        control: Arc::new(control),
    };
    let shared = Arc::new(Shared {
        upstreams,
        default_provider,
        access,
        limits: config.proxy,
        trusted_proxies: config.trusted_proxies,
        clock,
        settings,
        caches,
    });
    Ok(Opened { new_admin, shared, state, tls, limits: config.proxy, room })
}

/// The control plane's own connections to the upstreams: each runtime has its own.
fn checks(upstreams: &[Arc<Upstream>], tls: &TlsRoots, settings: &settings::Live, clock: &Clock) -> Checks {
    let checkable = |upstream: &Arc<Upstream>| Checkable {
        provider: upstream.provider.clone(),
        endpoint: upstream.endpoint.clone(),
        pool: Arc::clone(&upstream.pool),
    };
    let key_check = KeyCheck::new(Transport::new(tls.clone(), Options::default()), clock.clone());
    Checks::new(key_check, upstreams.iter().map(checkable).collect(), settings.clone(), clock.clone())
}

/// What the configuration alone cannot know to be right.
pub(super) fn validate(config: &Config) -> anyhow::Result<()> {
    let tls = tls_roots(config)?;
    config.tls.clone().map(Certificates::load).transpose()?;
    config.providers.iter().try_for_each(|provider| endpoint(provider, config, &tls).map(drop))
}

pub(super) fn tls_roots(config: &Config) -> anyhow::Result<TlsRoots> {
    match &config.upstream_ca_pem {
        Some(pem) => TlsRoots::public_and(pem.as_bytes()).context("cannot use the certificates in UPSTREAM_CA_FILE"),
        None => Ok(TlsRoots::public()),
    }
}

/// `tls` is what is trusted for every provider.
pub(super) fn endpoint(provider: &Provider, config: &Config, tls: &TlsRoots) -> anyhow::Result<Endpoint> {
    let unusable = |what| move || format!("the {what} the provider {} cannot be used", provider.id);
    let endpoint = Endpoint::parse(&provider.base_url).with_context(unusable("base URL of"))?;
    let mut endpoint = endpoint.speaking(provider.http_version);
    let Way { proxy, ca_pem } = config.ways.of(&provider.id);
    if let Some(pem) = ca_pem {
        endpoint = endpoint.trusting(tls.and(pem.as_bytes()).with_context(unusable("certificates for"))?);
    }
    if let Some(proxy) = proxy {
        endpoint = endpoint.via(UpstreamProxy::parse(proxy.expose()).with_context(unusable("proxy for"))?);
    }
    Ok(endpoint)
}

async fn load_pools(storage: &Storage, providers: &[Provider], now: Timestamp) -> anyhow::Result<Vec<Arc<Pool>>> {
    let pools: Vec<_> = providers.iter().map(|provider| Pool::new(provider.id.clone())).collect();
    let rows = storage.load_api_keys().await.context("cannot read the API keys")?;
    let rests = storage.load_model_rests().await.context("cannot read what rests")?;
    let upstream_rests = storage.load_upstream_rests().await.context("cannot read which models and providers rest")?;
    for pool in &pools {
        pool.insert(rows.iter().filter(|row| row.provider == *pool.provider()), now);
        for rest in rests.iter().filter(|rest| rest.cooldown.until > now) {
            pool.restore_refusal(rest.api_key, &rest.model, rest.cooldown);
        }
        for rest in upstream_rests.iter().filter(|r| r.provider == *pool.provider() && r.cooldown.until > now) {
            pool.restore_upstream_rest(rest.model.as_deref(), rest.cooldown);
        }
    }
    set_back(storage, &pools, now).await?;
    Ok(pools)
}

/// Where the statistics reach into the future, the clock was set back while nothing ran: by an hour more at most.
async fn set_back(storage: &Storage, pools: &[Arc<Pool>], now: Timestamp) -> anyhow::Result<()> {
    const HOUR: Duration = Duration::from_hours(1);
    let latest = storage.latest_hour().await.context("cannot read the statistics")?;
    if let Some(latest) = latest.filter(|latest| *latest > now) {
        let by = now.until(latest + HOUR);
        for pool in pools {
            pool.set_back(by);
        }
        tracing::warn!(
            hours = by.as_secs() / 3_600,
            "the clock was set back since the last start; what rests ends that much earlier"
        );
    }
    Ok(())
}

async fn load_access(storage: &Storage) -> anyhow::Result<Arc<Access>> {
    let access = Arc::new(Access::default());
    for row in storage.load_client_tokens().await.context("cannot read the client tokens")? {
        access.insert(row.hash, ClientToken::from(&row));
    }
    Ok(access)
}

async fn load_upstreams(
    storage: &Storage,
    config: &Config,
    tls: &TlsRoots,
    pools: &[Arc<Pool>],
) -> anyhow::Result<Vec<Arc<Upstream>>> {
    const ALL: u32 = u32::MAX;
    let mut upstreams = Vec::new();
    for (provider, pool) in config.providers.iter().zip(pools) {
        let known = storage.top_models(Some(provider.id.clone()), ALL).await.context("cannot read the statistics")?;
        let names = ModelNames::new(known.into_iter().map(|model| model.model.to_string()));
        upstreams.push(Arc::new(Upstream::new(
            provider.clone(),
            endpoint(provider, config, tls)?,
            Arc::clone(pool),
            names,
        )));
    }
    Ok(upstreams)
}

/// Gives the demonstration its keys and a client token, and returns the token.
pub(super) async fn seed_demo(state: &State) -> anyhow::Result<ClientTokenSecret> {
    let keys = ["echo-key-one", "echo-key-two", "echo-key-three"].into_iter().map(|name| {
        Ok(NewApiKey { secret: ApiKeySecret::parse(name)?, label: String::from("demonstration"), expires_at: None })
    });
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let pool = state.pool(&ProviderId::echo()).context("the echo provider is missing")?;
    let by = || Change::from(state.clock.now()).by;
    state.changes.add_api_keys(pool, keys, by()).await.context("cannot add the demonstration's keys")?;
    state.changes.make_client_token("demonstration", by()).await
}
