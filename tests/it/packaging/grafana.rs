//! The dashboard and the alerts: that Grafana and Prometheus find what they need in them, and that they ask for nothing
//! that the server does not tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::project;
use crate::admin::metrics::listed;

const DASHBOARD: &str = "packaging/grafana/ollama-api-pool.json";
const ALERTS: &str = "packaging/grafana/alerts.yml";

fn dashboard() -> Value {
    let text = fs::read_to_string(project(DASHBOARD)).expect("the dashboard");
    serde_json::from_str(&text).expect("the dashboard is JSON")
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().expect("panels")
}

/// The alerts in the one form that the file has: a field on a line, each a mapping of its own.
fn alerts() -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(project(ALERTS)).expect("the alerts");
    let (_, rules) = text.split_once("    rules:\n").expect("rules");
    let mut alerts: Vec<BTreeMap<String, String>> = Vec::new();
    for line in rules.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a field: {line}"));
        if name == "- alert" {
            alerts.push(BTreeMap::new());
        }
        let alert = alerts.last_mut().expect("an alert begins with its name");
        let is_new = alert.insert(name.to_owned(), value.trim().to_owned()).is_none();
        assert!(is_new, "{name} stands twice");
    }
    alerts
}

/// The metrics that an expression reads: its words that are neither functions, keywords, labels nor text.
fn metrics(expression: &str) -> BTreeSet<String> {
    const WORDS: [&str; 10] = ["and", "or", "unless", "bool", "offset", "sum", "count", "min", "max", "avg"];
    const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
    let bare = without_selectors(expression);
    let (mut found, mut rest) = (BTreeSet::new(), bare.as_str());
    loop {
        rest = rest.trim_start_matches(|c: char| !is_first_of_word(c));
        let end = rest.find(|c: char| !is_first_of_word(c) && !c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let after = after.trim_start();
        if word.is_empty() {
            return found;
        }
        let is_before_list = after.starts_with('(');
        rest = after;
        if BEFORE_LABELS.contains(&word) && is_before_list {
            rest = after.split_once(')').expect("the list of labels ends").1;
        } else if !is_before_list && !WORDS.contains(&word) {
            found.insert(word.to_owned());
        }
    }
}

fn is_first_of_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// Without what stands in braces, which chooses labels, and in brackets, which are ranges.
fn without_selectors(expression: &str) -> String {
    let (mut bare, mut depth) = (String::new(), 0);
    for c in expression.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare
}

/// That the server tells all that an expression reads, under these very names.
#[track_caller]
fn check_metrics(whose: &str, expression: &str) {
    let listed = listed();
    let of_histogram = |name: &str| {
        let family = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
        family.and_then(|family| listed.get(family)).is_some_and(|(family, _)| family.r#type == "histogram")
    };
    let metrics = metrics(expression);
    assert!(!metrics.is_empty(), "{whose} reads nothing: {expression}");
    for name in metrics {
        let is_told = of_histogram(&name) || listed.get(&name).is_some_and(|(family, _)| family.r#type != "histogram");
        assert!(is_told, "{whose} reads {name}, which is not told");
    }
}

#[test]
fn words_of_an_expression_are_told_apart() {
    let of = |expression| metrics(expression).into_iter().collect::<Vec<_>>();
    assert_eq!(of(r#"sum by (le, x) (rate(a_total{b="c", d=~"e"}[$__rate_interval]))"#), ["a_total"]);
    assert_eq!(of("time() - a > 2 * b_c and on (job) d{} unless e"), ["a", "b_c", "d", "e"]);
    assert_eq!(of("histogram_quantile(0.95, sum by(le) (x_bucket)) / 1024"), ["x_bucket"]);
}

#[test]
fn the_dashboard_has_what_grafana_needs() {
    let dashboard = dashboard();
    for text in ["title", "uid", "description", "refresh"] {
        assert!(dashboard[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    // That of Grafana 11; newer ones bring it up to theirs.
    assert_eq!(dashboard["schemaVersion"], 39);
    assert!(dashboard["id"].is_null(), "it is the importing Grafana's to give");
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().map(|variable| (&variable["name"], &variable["type"])).collect();
    assert_eq!(
        format!("{names:?}"),
        r#"[(String("datasource"), String("datasource")), (String("instance"), String("query")), (String("provider"), String("query"))]"#
    );
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title} has the id of another");
        let r#type = panel["type"].as_str().expect("a type");
        assert!(["row", "stat", "timeseries", "heatmap"].contains(&r#type), "{title}: {type} may need a plugin");
        if r#type == "row" {
            continue;
        }
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title} is not explained");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().expect("targets");
        assert!(targets.iter().all(|target| target["datasource"]["uid"] == "${datasource}"), "{title}");
        let names: BTreeSet<_> = targets.iter().filter_map(|target| target["refId"].as_str()).collect();
        assert_eq!(names.len(), targets.len(), "{title}");
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().or(panel["options"]["yAxis"]["unit"].as_str());
        assert!(unit.is_some_and(|unit| !unit.is_empty()), "{title} has no unit");
    }
}

#[test]
fn the_dashboard_has_its_rows_and_no_panel_lies_upon_another() {
    let dashboard = dashboard();
    let rows = panels(&dashboard).iter().filter(|panel| panel["type"] == "row").filter_map(|row| row["title"].as_str());
    let expected =
        ["Traffic", "Latency", "Keys", "Upstream faults", "Tokens and cost", "Cache", "Storage and upkeep", "Process"];
    assert!(rows.eq(expected));
    let mut taken = BTreeMap::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().expect("a title");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a place"));
        assert!(w > 0 && h > 0 && x + w <= 24, "{title} is wider than the page");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            let below = taken.insert(cell, title);
            assert_eq!(below, None, "{title} lies upon it");
        }
    }
}

#[test]
fn the_dashboard_reads_what_is_told_and_shows_all_that_counts() {
    let dashboard = dashboard();
    let mut shown = BTreeSet::new();
    for panel in panels(&dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let (title, expression) = (panel["title"].as_str().expect("a title"), target["expr"].as_str());
            let expression = expression.expect("an expression");
            check_metrics(title, expression);
            assert!(expression.contains("$instance"), "{title} is not of the chosen instance");
            shown.extend(metrics(expression).into_iter().map(|name| name.trim_end_matches("_bucket").to_owned()));
        }
    }
    let annotations = dashboard["annotations"]["list"].as_array().expect("annotations");
    for expression in annotations.iter().filter_map(|annotation| annotation["expr"].as_str()) {
        check_metrics("an annotation", expression);
        shown.extend(metrics(expression));
    }
    let backstage = ["backup_interval_seconds", "provider_enabled"].map(|name| format!("ollama_api_pool_{name}"));
    let left_out = listed().into_keys().filter(|name| !shown.contains(name));
    let left_out: Vec<_> = left_out.filter(|name| name != "process_start_time_seconds").collect();
    assert_eq!(left_out, backstage, "what is told is worth a panel");
}

#[test]
fn alerts_read_what_is_told_and_say_what_to_do() {
    let alerts = alerts();
    assert!(alerts.len() >= 8, "{alerts:#?}");
    let names: BTreeSet<_> = alerts.iter().map(|alert| &alert["- alert"]).collect();
    assert_eq!(names.len(), alerts.len(), "names are unique");
    for alert in &alerts {
        let name = &alert["- alert"];
        check_metrics(name, &alert["expr"]);
        assert!(["critical", "warning"].contains(&alert["severity"].as_str()), "{name}");
        assert!(alert["summary"].len() > 10 && alert["description"].len() > 20, "{name} is not explained");
    }
}
