//! Every option good and bad, the order of the layers, and that no secret can be seen.

mod network;

use std::collections::BTreeSet;
use std::fs;

use clap::Parser;
use tempfile::TempDir;

use super::*;

const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
const TOKEN: &str = "correct-horse-battery";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn typed(flags: &[&str]) -> Args {
    Line::parse_from(std::iter::once(&"x").chain(flags)).args
}

fn resolve(flags: &[&str], variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let environment = Environment::new(variables.iter().copied());
    Config::resolve(&typed(flags), &environment).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn good(variables: &[(&str, &str)]) -> Config {
    resolve(&[], variables).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The only problem that this one variable makes.
#[track_caller]
fn problem(name: &str, value: &str) -> String {
    let mut errors = resolve(&[], &[(name, value)]).err().unwrap_or_else(|| panic!("{name}={value} was accepted"));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.remove(0)
}

#[track_caller]
fn refused(name: &str, values: &[&str], because: &str) {
    for value in values {
        let problem = problem(name, value);
        assert!(problem.starts_with(&format!("{name}: ")) && problem.contains(because), "{value}: {problem}");
        assert!(problem.contains(&format!("from environment variable {name}")), "{problem}");
    }
}

fn file(dir: &TempDir, name: &str, content: &str) -> String {
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn row<'c>(config: &'c Config, name: &str) -> (&'c str, String) {
    let row = config.effective().iter().find(|row| row.name == name).unwrap();
    (&row.value, row.origin.to_string())
}

#[test]
fn defaults() {
    let config = good(&[]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data_dir, PathBuf::from("data"));
    assert!(config.public_url.is_none() && config.trusted_proxies.is_empty() && config.upstream_ca_pem.is_none());
    assert!(config.secrets.master_key.is_none() && config.secrets.admin_token.is_none());
    assert_eq!(config.proxy.max_body_size.bytes(), 32 * 1024 * 1024);
    assert_eq!((config.proxy.max_attempts, config.proxy.retry_budget), (4, Duration::from_secs(30)));
    let upstreams: Vec<_> =
        config.providers.iter().map(|p| (p.id.as_str(), p.base_url.as_str(), p.is_enabled)).collect();
    assert_eq!(upstreams, [("ollama", "https://ollama.com", true), ("openrouter", "https://openrouter.ai/api", true)]);
    assert!(config.providers.iter().all(|p| p.timeouts == Timeouts::default()));
    assert_eq!(config.attribution, Attribution { title: HeaderValue::from_static("ollama-api-pool"), referer: None });
    assert_eq!(config.shutdown_grace, Duration::from_secs(30));
    assert_eq!(config.log, LogConfig { format: LogFormat::Auto, filter: LogFilter::parse("info").unwrap() });
    assert!(config.notices.is_empty(), "{:?}", config.notices);
}

#[test]
fn every_option_is_read_and_shown() {
    let config = good(&[]);
    let shown: Vec<&str> = config.effective().iter().map(|row| row.name).collect();
    let declared: Vec<&str> = options::ALL.iter().map(|opt| opt.name).collect();
    assert_eq!(shown, declared);
}

#[test]
fn flags_override_the_environment_which_overrides_the_file_which_overrides_the_default() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "pool.env", "# first line\nWORKERS=3\nMAX_ATTEMPTS=3\nLISTEN=127.0.0.1:3\n");
    let variables = [("CONFIG_FILE", path.as_str()), ("MAX_ATTEMPTS", "2"), ("LISTEN", "127.0.0.1:2")];
    let config = resolve(&["--listen", "127.0.0.1:1"], &variables).ok().unwrap();
    assert_eq!(row(&config, "LISTEN"), ("127.0.0.1:1", String::from("--listen")));
    assert_eq!(row(&config, "MAX_ATTEMPTS"), ("2", String::from("environment variable MAX_ATTEMPTS")));
    assert_eq!(row(&config, "WORKERS"), ("3", format!("{path} line 2")));
    assert_eq!(row(&config, "RETRY_BUDGET"), ("30s", String::from("default")));
    assert_eq!((config.listen.port(), config.proxy.max_attempts, config.workers.get()), (1, 2, 3));
}

#[test]
fn the_flag_names_the_file_before_the_environment_does() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "pool.env", "WORKERS=3\n");
    let config = resolve(&["--config", &path], &[("CONFIG_FILE", "/nonexistent")]).ok().unwrap();
    assert_eq!(row(&config, "CONFIG_FILE"), (path.as_str(), String::from("--config")));
    assert_eq!(config.workers.get(), 3);
}

#[test]
fn an_empty_variable_leaves_the_word_to_the_file() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "pool.env", "WORKERS=3\nDISABLE_OLLAMA=\n");
    let config = good(&[("CONFIG_FILE", &path), ("WORKERS", " "), ("DISABLE_OPENROUTER", ""), ("ADMIN_TOKEN", "")]);
    assert_eq!(config.workers.get(), 3);
    assert!(config.providers.iter().all(|provider| provider.is_enabled));
    assert!(config.secrets.admin_token.is_none());
}

#[test]
fn all_problems_are_told_together_with_their_sources() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "pool.env", "MAX_BODY_SIZE=lots\nLISTN=1\n");
    let variables = [("CONFIG_FILE", path.as_str()), ("WORKERS", "many"), ("ADMIN_TOKEN", "short")];
    assert_eq!(
        resolve(&["--listen", ":8080"], &variables).err().unwrap(),
        [
            format!("{path} line 2: unknown name LISTN; did you mean LISTEN?"),
            String::from(
                "LISTEN: names a port but no address; write 0.0.0.0:8080 to listen on every interface, \
                 127.0.0.1:8080 to stay local (got \":8080\" from --listen)"
            ),
            String::from("ADMIN_TOKEN: is shorter than 16 characters (from environment variable ADMIN_TOKEN)"),
            format!(
                "MAX_BODY_SIZE: expected a number of bytes or one with its unit, such as 512KiB, 32MiB or 1GiB \
                 (got \"lots\" from {path} line 1)"
            ),
            String::from(
                "WORKERS: expected a whole number from 0 to 1024 (got \"many\" from environment variable WORKERS)"
            ),
        ]
    );
}

#[test]
fn an_unreadable_file_does_not_hide_other_problems() {
    let errors = resolve(&[], &[("CONFIG_FILE", "/nonexistent/pool.env"), ("WORKERS", "x")]).err().unwrap();
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[0].starts_with("CONFIG_FILE: cannot read /nonexistent/pool.env: No such file"), "{}", errors[0]);
}

#[test]
fn listen() {
    for text in ["0.0.0.0:0", "[::1]:8080", "  127.0.0.1:1 "] {
        assert_eq!(good(&[("LISTEN", text)]).listen, text.trim().parse().unwrap());
    }
    refused("LISTEN", &[":8080", "8080", "*:8080"], "0.0.0.0:8080");
    refused("LISTEN", &["127.0.0.1"], "no port; write 127.0.0.1:8080");
    refused("LISTEN", &["::1"], "no port; write [::1]:8080");
    refused("LISTEN", &["localhost:8080", "1.2.3.4:99999", "::1:8080x", "127.0.0.1:"], "expected an IP address");
}

#[test]
fn data_dir_is_systemds_unless_it_is_given() {
    let state = ("STATE_DIRECTORY", "/var/lib/pool:/var/lib/other");
    let config = good(&[state]);
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/pool"));
    assert_eq!(row(&config, "DATA_DIR").1, "environment variable STATE_DIRECTORY");
    assert_eq!(good(&[state, ("DATA_DIR", "/srv")]).data_dir, PathBuf::from("/srv"));
}

#[test]
fn urls() {
    let config =
        good(&[("PUBLIC_URL", "https://pool.example.com/"), ("OLLAMA_BASE_URL", "http://localhost:11434/x//")]);
    assert_eq!(config.public_url.unwrap().as_str(), "https://pool.example.com/");
    assert_eq!(config.providers[0].base_url, "http://localhost:11434/x");
    for name in ["PUBLIC_URL", "OLLAMA_BASE_URL", "OPENROUTER_BASE_URL", "OPENROUTER_APP_URL", "PUBLIC_SITE_URL"] {
        refused(name, &["pool.example.com", "ftp://x", "http://", "localhost:8080"], "begins with http:// or https://");
        refused(name, &["https://me:hunter2@example.com", "https://me@example.com"], "user name or password");
    }
    for name in ["PUBLIC_URL", "OLLAMA_BASE_URL", "OPENROUTER_BASE_URL"] {
        refused(name, &["https://x/?a=b", "https://x/#a"], "query or fragment");
    }
    refused("PUBLIC_URL", &["https://x/pool"], "a path is not allowed");
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    for value in ["https://me:hunter2@example.com", "https://me:hunter2@exa mple.com"] {
        let problem = problem("OLLAMA_BASE_URL", value);
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn trusted_proxies_and_admin_networks_are_networks_or_addresses() {
    const GIVEN: &str = "10.1.2.3/8, 192.0.2.1,::1 , fd00::/8";
    let config = good(&[("TRUSTED_PROXIES", GIVEN), ("ADMIN_NETWORKS", GIVEN)]);
    for networks in [config.trusted_proxies, config.admin_networks] {
        let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "::1/128", "fd00::/8"]);
    }
    for name in ["TRUSTED_PROXIES", "ADMIN_NETWORKS"] {
        let wrong = ["10.0.0.0/33", "10.0.0.1,nginx", "10.0.0.1,,10.0.0.2", "*"];
        refused(name, &wrong, "is neither an address nor");
    }
}

#[test]
fn switches() {
    for on in ["true", "1", "Yes", "ON", "TRUE"] {
        assert!(!good(&[("DISABLE_OLLAMA", on)]).providers[0].is_enabled, "{on}");
    }
    for off in ["false", "0", "No", "OFF", ""] {
        assert!(good(&[("DISABLE_OPENROUTER", off)]).providers[1].is_enabled, "{off}");
    }
    for name in ["DISABLE_OLLAMA", "DISABLE_OPENROUTER"] {
        refused(name, &["maybe", "2", "truee"], "expected true or false");
    }
}

#[test]
fn sizes() {
    for (text, bytes) in
        [("1KiB", 1024), ("4096", 4096), ("100kB", 100_000), ("2 mib", 2 << 20), ("3MB", 3_000_000), ("1GiB", 1 << 30)]
    {
        assert_eq!(good(&[("MAX_BODY_SIZE", text)]).proxy.max_body_size.bytes(), bytes, "{text}");
    }
    refused(
        "MAX_BODY_SIZE",
        &["big", "-1", "1.5MiB", "32M", "99999999999999999999", "99999999999GiB"],
        "bytes or one with",
    );
    refused("MAX_BODY_SIZE", &["0", "1023", "2GiB"], "from 1KiB to 1GiB");
}

#[test]
fn counts() {
    for (text, count) in [("1", 1), ("16", 16)] {
        assert_eq!(good(&[("MAX_ATTEMPTS", text)]).proxy.max_attempts, count);
    }
    refused("MAX_ATTEMPTS", &["0", "17", "-1", "four", "1.0"], "from 1 to 16");
    assert_eq!(good(&[("WORKERS", "0")]).workers, std::thread::available_parallelism().unwrap());
    assert_eq!(good(&[("WORKERS", "7")]).workers.get(), 7);
    refused("WORKERS", &["1025", "-1", "auto"], "from 0 to 1024");
}

#[test]
fn durations() {
    let config = good(&[
        ("RETRY_BUDGET", "0s"),
        ("CONNECT_TIMEOUT", "500ms"),
        ("FIRST_BYTE_TIMEOUT", "2m"),
        ("PLAIN_TIMEOUT", "1h"),
        ("IDLE_TIMEOUT", "5 s"),
        ("SHUTDOWN_GRACE", "24h"),
    ]);
    let timeouts = Timeouts {
        connect: Duration::from_millis(500),
        first_byte_stream: Duration::from_mins(2),
        first_byte_plain: Duration::from_hours(1),
        idle: Duration::from_secs(5),
    };
    assert!(config.providers.iter().all(|provider| provider.timeouts == timeouts));
    assert_eq!((config.proxy.retry_budget, config.shutdown_grace), (Duration::ZERO, Duration::from_hours(24)));
    for name in ["CONNECT_TIMEOUT", "FIRST_BYTE_TIMEOUT", "PLAIN_TIMEOUT", "IDLE_TIMEOUT"] {
        refused(name, &["30", "s", "-1s", "1.5s", "1m30s", "30sec", "30S"], "number with its unit");
        refused(name, &["0s", "0ms", "25h", "18446744073709551615h"], "from 1ms to 24h");
    }
    for name in ["RETRY_BUDGET", "SHUTDOWN_GRACE"] {
        refused(name, &["30", "soon"], "number with its unit");
        refused(name, &["25h"], "from 0s to 24h");
    }
}

#[test]
fn log_options() {
    assert_eq!(good(&[("LOG_FORMAT", "JSON")]).log.format, LogFormat::Json);
    assert_eq!(good(&[("LOG_FORMAT", "text")]).log.format, LogFormat::Text);
    refused("LOG_FORMAT", &["xml"], "expected auto, text or json");
    for filter in ["warn", "Debug", "info,ollama_api_pool::proxy=debug", "hyper=off, info", "[request{id=1}]=trace"] {
        assert_eq!(good(&[("LOG_LEVEL", filter)]).log.filter.as_str(), filter);
    }
    refused("LOG_LEVEL", &["inof", "info,proxy", "proxy=loud", "info,,", "verbose"], "expected a level");
}

#[test]
fn attribution_falls_back_from_the_app_to_the_site_to_the_public_url() {
    let app = ("OPENROUTER_APP_URL", "https://app.example/x?y=1");
    let site = ("PUBLIC_SITE_URL", "https://site.example");
    let public = ("PUBLIC_URL", "https://pool.example");
    for (variables, expected) in [
        (&[app, site, public][..], "https://app.example/x?y=1"),
        (&[site, public][..], "https://site.example/"),
        (&[public][..], "https://pool.example/"),
    ] {
        assert_eq!(good(variables).attribution.referer.unwrap(), expected);
    }
    assert_eq!(good(&[("OPENROUTER_APP_TITLE", "My Pool")]).attribution.title, "My Pool");
    refused("OPENROUTER_APP_TITLE", &["a\nb", "号池", &"x".repeat(257)], "printable ASCII");
}

#[test]
fn upstream_certificates_are_read() {
    let dir = TempDir::new().unwrap();
    let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    let config = good(&[("UPSTREAM_CA_FILE", &file(&dir, "ca.pem", pem))]);
    assert_eq!(config.upstream_ca_pem.as_deref(), Some(pem));
    refused("UPSTREAM_CA_FILE", &[&file(&dir, "ca.txt", "hello")], "contains no PEM certificate");
    refused("UPSTREAM_CA_FILE", &["/nonexistent.pem"], "cannot read /nonexistent.pem");
}

#[test]
fn master_key_is_32_bytes_in_base64() {
    for text in [KEY, KEY.trim_end_matches('=')] {
        let config = good(&[("MASTER_KEY", text)]);
        assert_eq!(config.secrets.master_key.unwrap().expose()[..3], [0xab, 0xcd, 0xef]);
    }
    let long = format!("AAAA{KEY}");
    refused("MASTER_KEY", &["hello", "q83vEjRW", &long, "!!!"], "expected 32 bytes in base64");
    refused("MASTER_KEY", &["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="], "placeholder");
}

#[test]
fn admin_token_is_long_printable_and_not_from_an_example() {
    assert_eq!(good(&[("ADMIN_TOKEN", TOKEN)]).secrets.admin_token.unwrap().expose(), TOKEN);
    let examples = [
        "your-admin-secret-token",
        "Your-Admin-Token-Here",
        "changeme",
        "ChangeMe12345678",
        "change-me-please-now",
        "aaaaaaaaaaaaaaaaaaaa",
    ];
    refused("ADMIN_TOKEN", &examples, "placeholder");
    refused("ADMIN_TOKEN", &["fifteen-letters"], "shorter than 16");
    refused(
        "ADMIN_TOKEN",
        &["correct horse battery", "correct-hörse-battery", "correct\thorse\tbattery"],
        "printable ASCII",
    );
}

#[test]
fn secrets_come_from_files_too() {
    let dir = TempDir::new().unwrap();
    let token = file(&dir, "token", &format!("{TOKEN}\r\n"));
    let key = file(&dir, "key", &format!("{KEY}\n"));
    let config = resolve(&["--master-key-file", &key], &[("ADMIN_TOKEN_FILE", &token)]).ok().unwrap();
    assert_eq!(row(&config, "MASTER_KEY"), ("«set»", format!("file {key}")));
    assert_eq!(row(&config, "MASTER_KEY_FILE"), (key.as_str(), String::from("--master-key-file")));
    assert_eq!(config.secrets.admin_token.unwrap().expose(), TOKEN);
    assert!(config.secrets.master_key.is_some());
}

#[test]
fn secret_files_that_cannot_be_used() {
    let dir = TempDir::new().unwrap();
    let (empty, short) = (file(&dir, "empty", "\n"), file(&dir, "short", "hunter2\n"));
    for (path, expected) in [
        (empty.as_str(), format!("ADMIN_TOKEN: the file is empty (from file {empty})")),
        (&short, format!("ADMIN_TOKEN: is shorter than 16 characters (from file {short})")),
    ] {
        assert_eq!(problem("ADMIN_TOKEN_FILE", path), expected);
    }
    let missing = problem("ADMIN_TOKEN_FILE", "/nonexistent");
    assert!(missing.starts_with("ADMIN_TOKEN_FILE: cannot read /nonexistent: No such file"), "{missing}");
}

#[test]
fn a_secret_and_its_file_exclude_each_other() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "token", TOKEN);
    let errors = resolve(&["--admin-token-file", &path], &[("ADMIN_TOKEN", TOKEN)]).err().unwrap();
    assert_eq!(
        errors,
        [
            "ADMIN_TOKEN is given twice, by environment variable ADMIN_TOKEN and by --admin-token-file; remove one of them"
        ]
    );
}

#[test]
fn no_secret_is_ever_shown() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "pool.env", &format!("MASTER_KEY={KEY}\nADMIN_TOKEN={TOKEN}\n"));
    let config = good(&[("CONFIG_FILE", &path)]);
    let shown = format!("{:?} {:?} {:?}", config.effective(), config.notices, typed(&["--config", &path]));
    assert_eq!(row(&config, "ADMIN_TOKEN"), ("«set»", format!("{path} line 2")));
    assert!(!shown.contains(KEY) && !shown.contains(TOKEN), "{shown}");

    let wrong =
        file(&dir, "wrong.env", &format!("MASTER_KEY={KEY}{KEY}\nADMIN_TOKEN=hunter2\n{KEY}\nADMIN_TOKEN: {TOKEN}\n"));
    let environment = Environment::new([("CONFIG_FILE", &wrong)]);
    let errors = Config::resolve(&Args::default(), &environment).err().unwrap();
    let shown = format!("{errors:?} {}", errors.iter().map(ToString::to_string).collect::<String>());
    assert_eq!(errors.len(), 4, "{shown}");
    assert!(!shown.contains(KEY) && !shown.contains(TOKEN) && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn obsolete_names_are_explained_and_those_of_later_features_are_left_alone() {
    let config = good(&[("AUTH_SECRET", "pepper"), ("REDIS_URL", ""), ("DATABASE_URL", "postgres://x"), ("HOME", "/")]);
    assert_eq!(
        config.notices,
        ["AUTH_SECRET (environment) has no effect: sessions are stored and need no signing secret; \
          stored secrets are sealed with MASTER_KEY"]
    );
}

#[test]
fn what_is_allowed_but_unwise_is_noticed() {
    let mentions = |variables: &[(&str, &str)], word: &str| good(variables).notices.iter().any(|n| n.contains(word));
    assert!(mentions(&[("LISTEN", "0.0.0.0:1")], "TRUSTED_PROXIES"));
    assert!(!mentions(&[("LISTEN", "0.0.0.0:1"), ("TRUSTED_PROXIES", "10.0.0.1")], "TRUSTED_PROXIES"));
    let tls = [("LISTEN", "0.0.0.0:1"), ("TLS_CERT_FILE", "c"), ("TLS_KEY_FILE", "k")];
    assert!(!mentions(&tls, "clear text"));
    assert!(mentions(&[("DISABLE_OLLAMA", "1"), ("DISABLE_OPENROUTER", "1")], "no provider"));
    assert!(!mentions(&[("DISABLE_OLLAMA", "1")], "no provider"));
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_refused_only_where_it_matters() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;
    let binary = || OsStr::from_bytes(b"/srv/\xff").to_owned();
    let environment = Environment::new([(OsString::from("DATA_DIR"), binary()), (OsString::from("OTHER"), binary())]);
    let errors = Config::resolve(&Args::default(), &environment).err().unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].to_string(), "DATA_DIR: is not Unicode text (from environment variable DATA_DIR)");
}

#[test]
fn the_process_environment_is_read() {
    assert!(Environment::of_process().get("PATH").is_some());
}

fn project_file(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_readme_has_the_table() {
    let readme = project_file("README.md");
    let (_, rest) = readme.split_once("<!-- configuration:begin -->").expect("the begin mark");
    let (table, _) = rest.split_once("<!-- configuration:end -->").expect("the end mark");
    let expected = Config::markdown_table();
    assert!(table.trim() == expected.trim(), "the table in README.md must be:\n{expected}");
}

/// The sample gives every option once, commented out, with its default; `#` is followed by a space in prose only.
#[test]
fn the_sample_file_has_every_option_with_its_default() {
    let sample = project_file("packaging/config/ollama-api-pool.env");
    let assignment = |line: &str| -> Option<(String, String)> {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        (!name.starts_with(' ')).then(|| (name.to_owned(), value.to_owned()))
    };
    let given: BTreeSet<(String, String)> = sample.lines().filter_map(assignment).collect();
    let in_file = options::ALL.iter().filter(|opt| opt.name != options::CONFIG_FILE.name);
    let declared = in_file.map(|opt| (opt.name.to_owned(), opt.default.unwrap_or_default().to_owned()));
    assert_eq!(given, declared.collect());
    assert!(file::ConfigFile::parse("sample".as_ref(), &sample).errors.is_empty());
}
