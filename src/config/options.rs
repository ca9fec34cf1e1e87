//! The table of options (a table; long by nature). Everything that is said about an option is said here once.
//!
//! Flags, environment names, file keys, defaults, help, `check` and the README's table all come from it.

/// How an option is given and shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `--name VALUE`; the text names the value in the help.
    Value(&'static str),
    /// `--name` alone means true.
    Switch,
    /// No flag, because other users of a machine can read command lines; never shown.
    Secret,
    /// `--config`, which cannot itself be in the file.
    ConfigFile,
}

/// One option.
pub(super) struct Opt {
    /// In the environment and in the file.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// As it would be typed. `None`: not set.
    pub(super) default: Option<&'static str>,
    pub(super) help: &'static str,
}

impl Opt {
    /// The flag without its dashes, for those that have one.
    pub(super) fn flag(&self) -> Option<String> {
        match self.kind {
            Kind::Value(_) | Kind::Switch => Some(self.name.to_ascii_lowercase().replace('_', "-")),
            Kind::ConfigFile => Some(String::from("config")),
            Kind::Secret => None,
        }
    }

    pub(super) fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }
}

/// The option of that name.
pub(super) fn by_name(name: &str) -> Option<&'static Opt> {
    ALL.iter().copied().find(|opt| opt.name == name)
}

/// The README's table.
pub(super) fn markdown_table() -> String {
    let row = |opt: &&Opt| {
        let code = |text: String| format!("`{text}`");
        let flag = opt.flag().map_or_else(|| String::from("–"), |flag| code(format!("--{flag}")));
        let default = opt.default.map_or_else(|| String::from("–"), |default| code(default.to_owned()));
        format!("| `{}` | {flag} | {default} | {} |", opt.name, opt.help)
    };
    let head = ["| Variable | Flag | Default | Meaning |", "|---|---|---|---|"].map(String::from);
    let lines: Vec<String> = head.into_iter().chain(ALL.iter().map(row)).collect();
    lines.join("\n")
}

macro_rules! options {
    ($($name:ident, $kind:expr, $default:expr, $help:literal;)*) => {
        $(pub(super) static $name: Opt =
            Opt { name: stringify!($name), kind: $kind, default: $default, help: $help };)*

        /// Every option, in the order in which people read about them.
        pub(super) static ALL: &[&Opt] = &[$(&$name),*];
    };
}

options! {
    CONFIG_FILE, Kind::ConfigFile, None,
        "File with `NAME=value` lines, one for each of these variables; the environment and flags override it.";
    LISTEN, Kind::Value("ADDRESS:PORT"), Some("127.0.0.1:8080"),
        "Address and port to listen on.";
    TLS_CERT_FILE, Kind::Value("FILE"), None,
        "PEM file of this server's certificate and its chain; with it only TLS is spoken. A new certificate is noticed.";
    TLS_KEY_FILE, Kind::Value("FILE"), None,
        "PEM file of the certificate's private key.";
    PUBLIC_URL, Kind::Value("URL"), None,
        "Where clients and browsers reach this server, as `https://pool.example.com`.";
    TRUSTED_PROXIES, Kind::Value("CIDR,…"), None,
        "Addresses or networks of reverse proxies whose `X-Forwarded-For` is believed, separated by commas.";
    ADMIN_NETWORKS, Kind::Value("CIDR,…"), None,
        "Addresses or networks from which `/admin` and the console can be reached, separated by commas; not set: from all.";
    DATA_DIR, Kind::Value("DIRECTORY"), Some("data"),
        "Directory of the database and generated secrets; under systemd its state directory is the default.";
    MASTER_KEY, Kind::Secret, None,
        "32 bytes in base64 that seal the stored API keys; without it one is generated in the data directory.";
    MASTER_KEY_FILE, Kind::Value("FILE"), None,
        "File that holds the master key.";
    ADMIN_TOKEN, Kind::Secret, None,
        "Token of the administrator, at least 16 characters; without it one is generated on the first start.";
    ADMIN_TOKEN_FILE, Kind::Value("FILE"), None,
        "File that holds the administrator's token.";
    OLLAMA_BASE_URL, Kind::Value("URL"), Some("https://ollama.com"),
        "Base URL of the `ollama` provider.";
    OPENROUTER_BASE_URL, Kind::Value("URL"), Some("https://openrouter.ai/api"),
        "Base URL of the `openrouter` provider.";
    DISABLE_OLLAMA, Kind::Switch, Some("false"),
        "Turn the `ollama` provider off.";
    DISABLE_OPENROUTER, Kind::Switch, Some("false"),
        "Turn the `openrouter` provider off.";
    OPENROUTER_APP_URL, Kind::Value("URL"), None,
        "`HTTP-Referer` that OpenRouter gets when the client sends none; else `PUBLIC_SITE_URL`, else `PUBLIC_URL`.";
    PUBLIC_SITE_URL, Kind::Value("URL"), None,
        "The site this server belongs to, used where `OPENROUTER_APP_URL` is not set.";
    OPENROUTER_APP_TITLE, Kind::Value("TEXT"), Some("ollama-api-pool"),
        "`X-Title` that OpenRouter gets when the client sends none.";
    ENABLE_RATE_LIMIT, Kind::Switch, Some("false"),
        "Limit the requests of each client address; locks the setting `rate_limit.enabled`.";
    RATE_LIMIT_REQUESTS, Kind::Value("COUNT"), Some("60"),
        "How many requests a client address may send to one provider in one window; locks `rate_limit.requests`.";
    RATE_LIMIT_WINDOW, Kind::Value("SECONDS"), Some("60"),
        "Length of a window, in seconds or as `1m`; locks `rate_limit.window_seconds`.";
    ENABLE_BOT_DETECTION, Kind::Value("POLICY"), Some("off"),
        "What happens to requests whose user agent is a script's or a crawler's: `off`, `log` or `refuse`; locks `bots.policy`.";
    UPSTREAM_PROXY, Kind::Secret, None,
        "Proxy through which upstreams are reached: `http://user:password@host:port` or `socks5://…`; `none` for none.";
    OLLAMA_PROXY, Kind::Secret, None,
        "The same for the `ollama` provider alone, before `UPSTREAM_PROXY`.";
    OPENROUTER_PROXY, Kind::Secret, None,
        "The same for the `openrouter` provider alone, before `UPSTREAM_PROXY`.";
    UPSTREAM_CA_FILE, Kind::Value("FILE"), None,
        "PEM file of further certificate authorities that are trusted for upstream connections.";
    OLLAMA_CA_FILE, Kind::Value("FILE"), None,
        "The same, trusted for the `ollama` provider alone, in addition.";
    OPENROUTER_CA_FILE, Kind::Value("FILE"), None,
        "The same, trusted for the `openrouter` provider alone, in addition.";
    UPSTREAM_HTTP_VERSION, Kind::Value("VERSION"), Some("1.1"),
        "HTTP version towards upstreams: `1.1`, `2`, or `auto` for what the upstream prefers over TLS.";
    OLLAMA_HTTP_VERSION, Kind::Value("VERSION"), None,
        "The same for the `ollama` provider alone, before `UPSTREAM_HTTP_VERSION`.";
    OPENROUTER_HTTP_VERSION, Kind::Value("VERSION"), None,
        "The same for the `openrouter` provider alone, before `UPSTREAM_HTTP_VERSION`.";
    MAX_BODY_SIZE, Kind::Value("SIZE"), Some("32MiB"),
        "Largest request body that is accepted.";
    BODY_TIMEOUT, Kind::Value("DURATION"), Some("30s"),
        "Longest silence within a request body; on the whole it may take twice this, and a second more for each 16 KiB.";
    WRITE_TIMEOUT, Kind::Value("DURATION"), Some("120s"),
        "How long a client may take nothing of what waits for it, before it is given up.";
    MAX_CONNECTIONS, Kind::Value("COUNT"), Some("16384"),
        "Most connections of all clients together; 0 means no limit.";
    MAX_CONNECTIONS_PER_IP, Kind::Value("COUNT"), Some("1024"),
        "Most connections of one address, or of one IPv6 /64, that is not in `TRUSTED_PROXIES`; 0 means no limit.";
    MAX_ATTEMPTS, Kind::Value("COUNT"), Some("4"),
        "How often one request may be sent upstream, from 1 to 16.";
    RETRY_BUDGET, Kind::Value("DURATION"), Some("30s"),
        "No further attempt starts later than this after the request arrived.";
    CONNECT_TIMEOUT, Kind::Value("DURATION"), Some("10s"),
        "Longest wait for a connection to an upstream.";
    FIRST_BYTE_TIMEOUT, Kind::Value("DURATION"), Some("120s"),
        "Longest wait for the first byte of a streamed answer.";
    PLAIN_TIMEOUT, Kind::Value("DURATION"), Some("600s"),
        "Longest wait for the first byte of a plain answer, which comes when generation ends.";
    IDLE_TIMEOUT, Kind::Value("DURATION"), Some("120s"),
        "Longest silence within an answer.";
    SHUTDOWN_GRACE, Kind::Value("DURATION"), Some("30s"),
        "How long running requests may go on after the order to stop.";
    WORKERS, Kind::Value("COUNT"), Some("0"),
        "Threads that relay requests; 0 means one per processor core.";
    LOG_FORMAT, Kind::Value("FORMAT"), Some("auto"),
        "`text`, `json`, or `auto`: text on a terminal, JSON otherwise, as for the journal and in containers.";
    LOG_LEVEL, Kind::Value("FILTER"), Some("info"),
        "`error`, `warn`, `info`, `debug`, `trace` or `off`, also per module: `info,ollama_api_pool::proxy=debug`.";
}
