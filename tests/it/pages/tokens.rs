//! Client tokens in the console: from their list to the last of them.

use serde_json::Value;

use crate::support::{ADMIN_TOKEN, Browser, TestApp};

const LIST: &str = "/dashboard/tokens";

/// Makes a token through its form; its page and itself.
#[track_caller]
fn make(console: &Browser, fields: &[(&str, &str)]) -> (String, String) {
    let page = console.post("/dashboard/tokens/new", fields).expect(200).text();
    let token = page.split(['>', '<', '\'', ' ']).find(|part| part.starts_with("sk-") && part.len() == 51);
    let href = page.split('"').find(|part| part.starts_with("/dashboard/tokens/0")).expect("the token's page");
    (href.to_owned(), token.expect("a token").to_owned())
}

#[track_caller]
fn actions(app: &TestApp) -> Vec<String> {
    let log = app.admin().get("/admin/audit-log?action=client_token").expect(200).json();
    let entries = log["entries"].as_array().expect("a list").iter();
    entries.map(|entry| entry["action"].as_str().unwrap_or_default().to_owned()).collect()
}

fn statuses(app: &TestApp) -> Vec<(String, String)> {
    let listed = app.admin().get("/admin/tokens?sort=name&order=asc").expect(200).json();
    let text = |token: &Value, name: &str| token[name].as_str().unwrap_or_default().to_owned();
    let tokens = listed["tokens"].as_array().expect("a list").iter();
    tokens.map(|token| (text(token, "name"), text(token, "status"))).collect()
}

#[test]
fn a_token_is_made_shown_on_the_answer_alone_and_used() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let console = app.console();
    assert!(console.get(LIST).expect(200).text().contains("No tokens yet"));
    let (href, token) = make(&console, &[("name", " <b>payload</b> "), ("provider", "ollama"), ("expires", "7")]);
    app.bearer(&token).chat("hi").send().expect(200);
    let list = console.get(LIST).expect(200).text();
    assert!(list.contains("&lt;b&gt;payload&lt;/b&gt;") && !list.contains("<b>payload"), "{list}");
    assert!(list.contains("7 d</time>"), "{list}");
    let page = console.get(&href).expect(200).text();
    assert!(page.contains(">test-model</td>") && page.contains("1 requests"), "{page}");
    assert!(!list.contains(&token) && !page.contains(&token));
    let shown = console.post("/dashboard/tokens/new", &[("name", "x"), ("provider", "ollama")]).expect(200);
    assert_eq!((shown.header("cache-control"), shown.header("content-encoding")), (Some("no-store"), None));
    assert!(shown.text().contains("/v1/chat/completions") && shown.text().contains("test-model"), "{}", shown.text());
}

#[test]
fn a_form_that_cannot_be_taken_says_so_at_its_fields_and_keeps_the_others() {
    let app = TestApp::builder().start();
    let console = app.console();
    let send = |fields: &[(&str, &str)]| console.post("/dashboard/tokens/new", fields).expect(422).text();
    let page = send(&[("name", " "), ("provider", "openrouter"), ("expires", "30")]);
    assert!(page.contains("A name has 1 to 200 characters"), "{page}");
    assert!(page.contains("<option value=\"openrouter\"\n  selected>"), "{page}");
    assert!(page.contains("<option value=\"30\"\n  selected>"), "{page}");
    for (day, why) in [("2025-12-31", "That day is over."), ("2026-02-30", "That is no day.")] {
        let page = send(&[("name", "kept <b>"), ("provider", "all"), ("expires", "never"), ("day", day)]);
        assert!(page.contains(why) && page.contains("value=\"kept &lt;b&gt;\""), "{page}");
    }
    assert!(send(&[("name", "x"), ("provider", "nobody")]).contains("<form"));
    let chinese = console.clone().in_chinese().post("/dashboard/tokens/new", &[("name", "")]).expect(422).text();
    assert!(chinese.contains("名称为 1 到 200 个字符"), "{chinese}");
    assert_eq!(statuses(&app), []);
}

#[test]
fn a_token_is_edited_switched_off_and_back_and_deleted() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let console = app.console();
    let (href, token) = make(&console, &[("name", "old"), ("provider", "ollama"), ("expires", "never")]);
    let edit = [("name", "new"), ("provider", "all"), ("expires", "keep"), ("day", "2026-12-31")];
    let page = console.submit(&format!("{href}/edit"), &edit).text();
    assert!(page.contains("Saved.") && page.contains("2026-12-31") || page.contains("2027-01-01"), "{page}");
    let off = console.submit(&format!("{href}/disable"), &[("back", LIST)]).text();
    assert!(off.contains("Disabled “new”: it is refused from now on."), "{off}");
    assert!(off.contains(&format!("action=\"{href}/enable\"")), "an undo: {off}");
    app.bearer(&token).chat("hi").send().expect(403);
    let on = console.submit(&format!("{href}/enable"), &[("back", "https://evil.example")]).text();
    assert!(on.contains("Enabled “new”."), "{on}");
    app.bearer(&token).chat("hi").send().expect(200);
    let ask = console.get(&format!("{href}/delete")).expect(200).text();
    assert!(ask.contains("The token itself cannot be brought back."), "{ask}");
    assert!(console.submit(&format!("{href}/delete"), &[]).text().contains("Deleted “new”."));
    app.bearer(&token).chat("hi").send().expect(401);
    for gone in ["", "/edit", "/delete", "/reveal", "/rotate"] {
        console.get(&format!("{href}{gone}")).expect(404);
    }
    console.get("/dashboard/tokens/nonsense").expect(404);
}

#[test]
fn revealing_asks_for_the_admin_token_again_and_rotating_ends_the_old_one() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let console = app.console();
    let (href, token) = make(&console, &[("name", "app"), ("provider", "ollama")]);
    let reveal = format!("{href}/reveal");
    assert!(console.get(&reveal).expect(200).text().contains("Whoever sees the token can use it."));
    let refused = console.post(&reveal, &[("token", "wrong")]).expect(422).text();
    assert!(refused.contains("This is not the admin token.") && !refused.contains(&token), "{refused}");
    let shown = console.post(&reveal, &[("token", ADMIN_TOKEN)]).expect(200).text();
    assert!(shown.contains(&token) && !shown.contains(ADMIN_TOKEN), "{shown}");
    assert!(console.get(&format!("{href}/rotate")).expect(200).text().contains("The old token ends at once"));
    let rotated = console.post(&format!("{href}/rotate"), &[]).expect(200).text();
    let new = rotated.split(['>', '<']).find(|part| part.starts_with("sk-")).expect("the new token").to_owned();
    assert_ne!(new, token);
    app.bearer(&token).chat("hi").send().expect(401);
    app.bearer(&new).chat("hi").send().expect(200);
    assert_eq!(actions(&app), ["client_token.rotate", "client_token.reveal", "client_token.add"]);
}

#[test]
fn those_that_are_picked_are_changed_and_changed_back() {
    let app = TestApp::builder().start();
    let console = app.console();
    let made = ["a", "b", "c"].map(|name| make(&console, &[("name", name), ("provider", "ollama")]).0);
    let id = |n: usize| made[n].strip_prefix("/dashboard/tokens/").expect("an id");
    let bulk = "/dashboard/tokens/bulk";
    let page = console.submit(bulk, &[("action", "disable"), ("id", id(0)), ("id", id(2)), ("id", id(0))]).text();
    assert!(page.contains("Disabled 2 tokens."), "{page}");
    let undone = [("action", "enable"), ("back", LIST), ("id", id(0)), ("id", id(2))];
    for (name, value) in undone {
        assert!(page.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{page}");
    }
    let is = |states: [&str; 3]| ["a", "b", "c"].into_iter().zip(states).map(|(n, s)| (n.into(), s.into())).collect();
    let expected: Vec<(String, String)> = is(["disabled", "active", "disabled"]);
    assert_eq!(statuses(&app), expected);
    let matching = [("action", "enable"), ("all", "1"), ("filter", "state=disabled&search=C")];
    assert!(console.submit(bulk, &matching).text().contains("Enabled 1 token."));
    let ask = console.post(bulk, &[("action", "delete"), ("all", "1"), ("filter", "state=active")]).expect(200).text();
    assert!(ask.contains("Delete 2 tokens?") && ask.contains(id(1)) && !ask.contains(id(0)), "{ask}");
    let expected: Vec<(String, String)> = is(["disabled", "active", "active"]);
    assert_eq!(statuses(&app), expected, "asked only");
    let deleted = console.submit("/dashboard/tokens/delete", &[("id", id(1)), ("id", id(2)), ("back", LIST)]).text();
    assert!(deleted.contains("Deleted 2 tokens."), "{deleted}");
    assert_eq!(statuses(&app).len(), 1);
    assert!(console.submit(bulk, &[("action", "disable")]).text().contains("Pick tokens first."));
    console.post(bulk, &[("action", "burn"), ("id", id(0))]).expect(400);
    console.call("POST", bulk).json(&"?".into()).send().expect(400);
}

#[test]
fn a_list_is_narrowed_sorted_and_paged_by_its_address() {
    let app = TestApp::builder().start();
    let console = app.console();
    for n in 0..30 {
        app.client_with(&serde_json::json!({"name": format!("client {n:02}"), "provider": "all"}));
    }
    let names = |query: &str| {
        let page = console.get(&format!("{LIST}{query}")).expect(200).text();
        let rows = page.split("class=\"strong\" href=\"").skip(1);
        let names: Vec<_> = rows.filter_map(|row| row.split(['>', '<']).nth(1)).map(str::to_owned).collect();
        (names, page)
    };
    let (first, page) = names("?sort=name&order=asc");
    assert_eq!((first.len(), first[0].as_str(), first[24].as_str()), (25, "client 00", "client 24"));
    assert!(page.contains("1–25 of 30") && page.contains("aria-sort=\"ascending\""), "{page}");
    assert!(page.contains("href=\"/dashboard/tokens?sort=name&amp;order=desc\""), "{page}");
    let (second, page) = names("?sort=name&order=asc&page=2");
    assert_eq!((second.len(), second[0].as_str()), (5, "client 25"));
    assert!(page.contains("name=\"back\" value=\"/dashboard/tokens?sort=name&amp;order=asc&amp;page=2\""), "{page}");
    assert_eq!(names("?search=CLIENT%2007").0, ["client 07"]);
    assert_eq!(names("?size=100").0.len(), 30);
    assert_eq!(names("?provider=openrouter").0.len(), 25, "a token for all may use it");
    let (none, page) = names("?search=%3Cb%3Epayload");
    assert!(none.is_empty() && page.contains("No token matches “&lt;b&gt;payload”"), "{page}");
    assert!(page.contains("30 tokens are hidden"), "{page}");
    assert!(names("?state=expired").1.contains("No token is like that"));
}

#[test]
fn a_whole_token_is_found_without_coming_into_an_address() {
    let app = TestApp::builder().start();
    let console = app.console();
    let (href, token) = make(&console, &[("name", "app"), ("provider", "ollama")]);
    let search = |text: &str| {
        let reply = console.post("/dashboard/tokens/search", &[("search", text), ("list", "state=active&sort=name")]);
        reply.expect(303).header("location").expect("a way").to_owned()
    };
    assert_eq!(search(&format!(" {token} ")), href);
    assert_eq!(search(&format!("sk-{}", "A".repeat(48))), LIST);
    assert!(console.get(LIST).expect(200).text().contains("This is none of the tokens of this pool."));
    assert_eq!(search("a&b"), "/dashboard/tokens?state=active&search=a%26b&sort=name");
}

#[test]
fn an_export_tells_tokens_only_to_who_gives_the_admin_token() {
    let app = TestApp::builder().start();
    let console = app.console();
    let (_, token) = make(&console, &[("name", "=1+1"), ("provider", "ollama")]);
    let export = "/dashboard/tokens/export";
    assert!(console.get(export).expect(200).text().contains("With the tokens themselves"));
    let masked = console.post(export, &[("format", "csv")]).expect(200);
    assert_eq!(masked.header("content-disposition"), Some("attachment; filename=\"client-tokens.csv\""));
    assert!(masked.text().contains("'=1+1") && !masked.text().contains(&token), "{}", masked.text());
    let secrets = |given: &str| console.post(export, &[("format", "json"), ("secrets", "on"), ("token", given)]);
    assert!(secrets("wrong").expect(422).text().contains("This is not the admin token."));
    assert_eq!(secrets(ADMIN_TOKEN).expect(200).json()["tokens"][0]["token"], token);
    assert_eq!(actions(&app)[0], "client_token.export");
}

#[test]
fn nobody_else_sees_tokens() {
    let app = TestApp::builder().start();
    let stranger = app.browser();
    for path in [LIST, "/dashboard/tokens/new", "/dashboard/tokens/export", "/dashboard/jobs", "/dashboard/providers"] {
        let way = stranger.get(path).expect(303);
        assert!(way.header("location").is_some_and(|to| to.starts_with("/dashboard/sign-in?next=")), "{path}");
    }
    stranger.post("/dashboard/tokens/new", &[("name", "x"), ("provider", "all")]).expect(303);
    assert_eq!(statuses(&app), []);
}
