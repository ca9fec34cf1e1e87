//! `/metrics`, against the list of what it promises: names, types and labels, and what each says of real requests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::support::{Answer, Role, TestApp};

/// The list in the documentation.
const LIST: &str = include_str!("../../../packaging/grafana/README.md");

/// A family as it is listed, or told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) r#type: String,
    labels: BTreeSet<String>,
}

/// The families that are listed, by the names that samples have, and whether they are always told.
pub(crate) fn listed() -> BTreeMap<String, (Family, bool)> {
    let table = LIST.split_once("<!-- metrics:begin -->").and_then(|(_, rest)| rest.split_once("<!-- metrics:end -->"));
    let rows = table.expect("the marked table").0.lines().filter(|line| line.starts_with("| `"));
    let family = |row: &str| {
        let plain = row.trim_matches(['|', ' ']).replace('`', "");
        let cells: Vec<&str> = plain.split(" | ").collect();
        let [name, r#type, labels, _meaning, when] = cells[..] else { panic!("not five cells: {row}") };
        let labels = labels.split(", ").filter(|label| *label != "–").map(str::to_owned).collect();
        (name.to_owned(), (Family { r#type: r#type.to_owned(), labels }, when == "always"))
    };
    rows.map(family).collect()
}

/// A sample: its name, its labels with their values, its value.
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// The text as Prometheus reads it.
struct Exposed {
    types: BTreeMap<String, String>,
    samples: Vec<Sample>,
}

impl Exposed {
    #[track_caller]
    fn of(anon: &Role) -> Self {
        let text = anon.get("/metrics").expect(200).text();
        assert!(text.ends_with("\n# EOF\n"), "{text}");
        let mut exposed = Self { types: BTreeMap::new(), samples: Vec::new() };
        for line in text.lines() {
            if let Some((name, r#type)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                let suffix = match r#type {
                    "counter" => "_total",
                    "info" => "_info",
                    _ => "",
                };
                let is_new = exposed.types.insert(format!("{name}{suffix}"), r#type.to_owned()).is_none();
                assert!(is_new, "{name} is told twice");
            } else if !line.starts_with('#') {
                exposed.samples.push(sample(line));
            }
        }
        exposed
    }

    fn families(&self) -> BTreeMap<String, Family> {
        let labels_of = |name: &str, r#type: &str| {
            let of_family = self.samples.iter().filter(|sample| family_of(&sample.name, r#type) == name);
            of_family.flat_map(|sample| sample.labels.keys().filter(|label| *label != "le").cloned()).collect()
        };
        let family = |(name, r#type): (&String, &String)| {
            (name.clone(), Family { labels: labels_of(name, r#type), r#type: r#type.clone() })
        };
        self.types.iter().map(family).collect()
    }

    /// The value of the only sample with this name and these labels among its own.
    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let is_wanted = |sample: &&Sample| {
            let has = |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|is| is == value);
            sample.name == name && labels.iter().all(has)
        };
        let found: Vec<_> = self.samples.iter().filter(is_wanted).map(|sample| sample.value).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0]
    }
}

fn family_of<'a>(sample: &'a str, r#type: &str) -> &'a str {
    let suffix = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| sample.strip_suffix(suffix));
    suffix.filter(|_| r#type == "histogram").unwrap_or(sample)
}

#[track_caller]
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let pairs = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (label, value) = pair.split_once('=').unwrap_or_else(|| panic!("no label: {line}"));
        (label.to_owned(), value.trim_matches('"').to_owned())
    };
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    Sample { name: name.to_owned(), labels: pairs.map(pair).collect(), value }
}

/// A server that has answered, failed and rested.
fn busy() -> TestApp {
    let app =
        TestApp::builder().option("MAX_ATTEMPTS", "2").api_keys(&["upstream-key-0001", "upstream-key-0002"]).start();
    app.upstream.key("upstream-key-0001").plays([Answer::status(429).retry_after(600)]);
    app.upstream.key("upstream-key-0002").plays([
        Answer::ok_json("a"),
        Answer::status(400),
        Answer::ok_sse(&["b", "c"]),
    ]);
    let client = app.client();
    client.chat("hi").send().expect(200);
    client.chat("hi").send().expect(400);
    let mut stream = client.chat("hi").stream();
    stream.rest();
    client.get("/v1/models");
    app
}

#[test]
fn what_is_told_is_what_is_listed() {
    let app = busy();
    let (exposed, listed) = (Exposed::of(&app.anon()).families(), listed());
    for (name, family) in &exposed {
        let listed = listed.get(name).map(|(family, _)| family);
        assert_eq!(Some(family), listed, "{name} is told like this, and listed like that");
    }
    let always = listed.iter().filter(|(_, (_, is_always))| *is_always).map(|(name, _)| name);
    let missing: Vec<_> = always.filter(|name| !exposed.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} are listed as always told");
    // Those with a condition that holds here.
    let conditional = [
        "attempts_failed_total",
        "api_keys_resting",
        "database_bytes",
        "database_wal_bytes",
        "data_file_system_bytes",
        "data_file_system_free_bytes",
        "backup_interval_seconds",
        "jobs",
    ];
    for name in conditional.map(|name| format!("ollama_api_pool_{name}")) {
        assert!(exposed.contains_key(&name), "{name} is missing");
    }
    #[cfg(target_os = "linux")]
    for name in ["resident_memory_bytes", "cpu_seconds_total", "start_time_seconds", "open_fds"] {
        assert!(exposed.contains_key(&format!("process_{name}")), "{name} is missing");
    }
    // Those with one that does not.
    for name in
        ["tls_certificate_expires_timestamp_seconds", "database_checked_timestamp_seconds", "backup_timestamp_seconds"]
    {
        assert!(!exposed.contains_key(&format!("ollama_api_pool_{name}")), "{name} has nothing to tell here");
    }
}

#[test]
fn it_says_what_happened() {
    let app = busy();
    let exposed = Exposed::of(&app.anon());
    let ollama = [("provider", "ollama")];
    for (name, labels, expected) in [
        ("requests_total", vec![("provider", "ollama"), ("outcome", "success")], 2.0),
        ("requests_total", vec![("provider", "ollama"), ("outcome", "failure")], 1.0),
        ("requests_total", vec![("provider", "openrouter"), ("outcome", "failure")], 0.0),
        ("request_duration_seconds_count", ollama.to_vec(), 3.0),
        ("request_duration_seconds_bucket", vec![("provider", "ollama"), ("le", "+Inf")], 3.0),
        ("time_to_first_token_seconds_count", ollama.to_vec(), 1.0),
        ("attempts_failed_total", vec![("scope", "account"), ("reason", "rate_limit")], 1.0),
        ("attempts_failed_total", vec![("scope", "request")], 1.0),
        ("attempts_in_flight", ollama.to_vec(), 0.0),
        ("tokens_total", vec![("provider", "ollama"), ("direction", "input")], 6.0),
        ("api_keys", ollama.to_vec(), 2.0),
        ("api_keys_ready", ollama.to_vec(), 1.0),
        ("api_keys_resting", vec![("reason", "rate_limit")], 1.0),
        ("api_keys_disabled", ollama.to_vec(), 0.0),
        ("provider_enabled", ollama.to_vec(), 1.0),
        ("provider_resting", ollama.to_vec(), 0.0),
        ("client_tokens", vec![], 1.0),
        ("cache_lookups_total", vec![("cache", "model_lists"), ("result", "miss")], 1.0),
        ("statistics_behind", vec![], 0.0),
        ("database_damaged", vec![], 0.0),
        ("start_time_seconds", vec![], 1_767_268_800.0),
        ("build_info", vec![("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ] {
        let value = exposed.value(&format!("ollama_api_pool_{name}"), &labels);
        assert!((value - expected).abs() < f64::EPSILON, "{name} {labels:?} is {value}, not {expected}");
    }
    assert!(exposed.value("ollama_api_pool_request_duration_seconds_sum", &ollama) > 0.0);
    assert!(exposed.value("ollama_api_pool_database_bytes", &[]) > 0.0);
    assert!(exposed.value("ollama_api_pool_connections", &[]) >= 1.0, "this one");
    assert!(exposed.value("process_open_fds", &[]) >= 3.0);
}

#[test]
fn keys_are_told_by_their_state_and_come_back_by_themselves() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001", "upstream-key-0002", "upstream-key-0003"]).start();
    let states = || {
        let exposed = Exposed::of(&app.anon());
        ["api_keys", "api_keys_ready", "api_keys_disabled", "api_keys_expired"]
            .map(|name| exposed.value(&format!("ollama_api_pool_{name}"), &[("provider", "ollama")]))
    };
    assert_eq!(states().map(f64::to_bits), [3.0, 3.0, 0.0, 0.0].map(f64::to_bits));
    let admin = app.admin();
    admin.post("/admin/keys/disable", &json!({"apiKey": "upstream-key-0001", "duration": 60})).expect(200);
    let short = json!({"api_key": "upstream-key-0004", "username": "short", "ttl": 60});
    admin.post("/admin/api-keys", &short).expect(200);
    assert_eq!(states().map(f64::to_bits), [4.0, 3.0, 1.0, 0.0].map(f64::to_bits));
    app.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(states().map(f64::to_bits), [4.0, 3.0, 0.0, 1.0].map(f64::to_bits), "no request was needed for it");
}
