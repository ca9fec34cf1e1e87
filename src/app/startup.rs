//! What happens once, before the first request: the data directory, the master key, the database, the admin token.
//!
//! Every refusal to start is one sentence that says what to do.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};
use tokio::time::Instant;

use crate::access::{Access, ClientToken};
use crate::clock::Clock;
use crate::config::{Config, ProxyLimits};
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::secret::{ApiKeySecret, ClientTokenSecret};
use crate::domain::time::Timestamp;
use crate::pool::Pool;
use crate::proxy::{Attribution, Shared, Upstream};
use crate::storage::{NewApiKey, Storage};
use crate::telemetry::DroppedLines;
use crate::transport::{Endpoint, TlsRoots};
use crate::usage::{Ledger, ModelNames};
use crate::vault::{MasterKey, Vault};
use crate::web::{AdminToken, State, new_client_token};

const ADMIN_TOKEN_HASH: &str = "admin_token_hash";

/// The data directory, held against a second process for as long as this lives.
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
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
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!(
                "the data directory {shown} is in use by another process: stop that one, or set DATA_DIR to another directory"
            );
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

/// Opens the directory and the database in it. The last value says whether a master key was made.
pub(super) fn open(config: &Config, now: Timestamp) -> anyhow::Result<(Directory, Storage, bool)> {
    let directory = Directory::open(&config.data_dir)?;
    let (master_key, is_new) = match &config.secrets.master_key {
        Some(key) => (MasterKey::from_bytes(key.expose()), false),
        None => MasterKey::load_or_create(&directory.path.join("master.key"))?,
    };
    let vault = Arc::new(Vault::new(&master_key));
    let storage = Storage::open(&directory.path, vault, now)?;
    Ok((directory, storage, is_new))
}

/// Everything that runs, before it runs.
pub(super) struct Opened {
    pub(super) admin: AdminAccess,
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
    pub(super) tls: TlsRoots,
    pub(super) limits: ProxyLimits,
    pub(super) grace: Duration,
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
    let (admin_token, admin) = admin_token(&config, &storage, directory).await?;
    let pools = load_pools(&storage, &config.providers, now).await?;
    let access = load_access(&storage).await?;
    let tls = match &config.upstream_ca_pem {
        Some(pem) => TlsRoots::public_and(pem.as_bytes()).context("cannot use the certificates in UPSTREAM_CA_FILE")?,
        None => TlsRoots::public(),
    };
    let upstreams = load_upstreams(&storage, &config.providers, &pools).await?;
    let ledger = Arc::new(Ledger::new(storage.clone(), pools.clone(), config.workers));
    let attribution =
        Attribution { url: config.attribution.referer.clone(), title: Some(config.attribution.title.clone()) };
    let state = State {
        storage,
        pools: pools.into(),
        access: Arc::clone(&access),
        ledger,
        clock: clock.clone(),
        admin_token,
        started: Instant::now(),
        is_draining: Arc::default(),
        dropped_lines: DroppedLines::default(),
        public_stats: crate::web::PublicStatsCache::default(),
    };
    let shared = Arc::new(Shared {
        upstreams,
        default_provider,
        access,
        attribution,
        limits: config.proxy,
        trusted_proxies: config.trusted_proxies,
        clock,
    });
    Ok(Opened { admin, shared, state, tls, limits: config.proxy, grace: config.shutdown_grace })
}

async fn load_pools(storage: &Storage, providers: &[Provider], now: Timestamp) -> anyhow::Result<Vec<Arc<Pool>>> {
    let pools: Vec<_> = providers.iter().map(|provider| Pool::new(provider.id.clone())).collect();
    let rows = storage.load_api_keys().await.context("cannot read the API keys")?;
    let rests = storage.load_model_rests().await.context("cannot read what rests")?;
    for pool in &pools {
        pool.insert(rows.iter().filter(|row| row.provider == *pool.provider()), now);
        for rest in rests.iter().filter(|rest| rest.cooldown.until > now) {
            pool.restore_refusal(rest.api_key, &rest.model, rest.cooldown);
        }
    }
    Ok(pools)
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
    providers: &[Provider],
    pools: &[Arc<Pool>],
) -> anyhow::Result<Vec<Arc<Upstream>>> {
    const ALL: u32 = u32::MAX;
    let mut upstreams = Vec::new();
    for (provider, pool) in providers.iter().zip(pools) {
        let known = storage.top_models(Some(provider.id.clone()), ALL).await.context("cannot read the statistics")?;
        let names = ModelNames::new(known.into_iter().map(|model| model.model.to_string()));
        let endpoint = Endpoint::parse(&provider.base_url)
            .with_context(|| format!("the base URL of the provider {} cannot be used", provider.id))?;
        upstreams.push(Arc::new(Upstream::new(provider.clone(), endpoint, Arc::clone(pool), names)));
    }
    Ok(upstreams)
}

/// How the operator gets to know the admin token.
pub(super) enum AdminAccess {
    /// It was configured, or was told at an earlier start.
    Known,
    /// It was made now and is shown on the terminal.
    Shown(String),
    /// It was made now and written to this file, for there is no terminal.
    Written(PathBuf),
}

async fn admin_token(
    config: &Config,
    storage: &Storage,
    directory: &Directory,
) -> anyhow::Result<(AdminToken, AdminAccess)> {
    if let Some(token) = &config.secrets.admin_token {
        return Ok((AdminToken::of(token.expose()), AdminAccess::Known));
    }
    let stored = storage.setting(ADMIN_TOKEN_HASH).await.context("cannot read the admin token's hash")?;
    if let Some(token) = stored.as_deref().and_then(AdminToken::from_hex) {
        return Ok((token, AdminAccess::Known));
    }
    // The form of a client token serves here too: 48 random letters and digits.
    let secret = new_client_token()?;
    let token = AdminToken::of(secret.expose());
    // Where the first steps are told: not into a file that standard output may be redirected to.
    let access = if std::io::stdout().is_terminal() {
        AdminAccess::Shown(secret.expose().to_owned())
    } else {
        let path = directory.path.join("admin-token");
        write_secret(&path, secret.expose()).with_context(|| format!("cannot write {}", path.display()))?;
        AdminAccess::Written(path)
    };
    storage.set_setting(ADMIN_TOKEN_HASH, token.to_hex()).await.context("cannot store the admin token's hash")?;
    Ok((token, access))
}

fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

impl AdminAccess {
    /// What to do next, for the terminal. The log never has the token.
    pub(super) fn first_steps(&self, addr: SocketAddr) -> Option<String> {
        let token = match self {
            Self::Known => return None,
            Self::Shown(token) => format!("Your admin token, shown this once:\n\n    {token}"),
            Self::Written(path) => format!("Your admin token is in {}.", path.display()),
        };
        Some(format!(
            "\n{token}\n\nNext, with that token in $ADMIN_TOKEN, add an upstream API key and make a client token:\n\n    \
             curl -X POST http://{addr}/admin/api-keys -H \"Authorization: Bearer $ADMIN_TOKEN\" \\\n      \
             -H 'Content-Type: application/json' -d '{{\"api_key\": \"<your key>\", \"provider\": \"ollama\"}}'\n    \
             curl -X POST http://{addr}/admin/tokens -H \"Authorization: Bearer $ADMIN_TOKEN\" \\\n      \
             -H 'Content-Type: application/json' -d '{{\"name\": \"me\"}}'\n"
        ))
    }
}

/// Gives the demonstration its keys and a client token, and returns the token.
pub(super) async fn seed_demo(state: &State) -> anyhow::Result<ClientTokenSecret> {
    let keys = ["echo-key-one", "echo-key-two", "echo-key-three"].into_iter().map(|name| {
        Ok(NewApiKey { secret: ApiKeySecret::parse(name)?, label: String::from("demonstration"), expires_at: None })
    });
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let pool = state.pool(&ProviderId::echo()).context("the echo provider is missing")?;
    state.add_api_keys(pool, keys).await.context("cannot add the demonstration's keys")?;
    state.make_client_token("demonstration").await
}
