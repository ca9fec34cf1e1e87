//! API keys: the list, one key, adding, importing, exporting, and changes to many.

use serde_json::{Value, json};

use crate::support::{ADMIN_TOKEN, Answer, Browser, Reply, TestApp, job_done};

const HERE: &str = "/dashboard/keys";
const KEY: &str = "0123456789abcdef01234567.AbCdEfGhIjKl";

/// The ids of all keys, newest first.
fn ids(app: &TestApp) -> Vec<String> {
    let listed = app.admin().get("/admin/api-keys?provider=all&fetch=all").expect(200).json();
    let id = |key: &Value| key["id"].as_str().expect("an id").to_owned();
    listed["api_keys"].as_array().expect("a list").iter().map(id).collect()
}

fn key(app: &TestApp, id: &str) -> Value {
    app.admin().get(&format!("/admin/api-keys/{id}")).expect(200).json()
}

/// A server with one key, which nothing but the key itself tells.
fn with_key() -> (TestApp, String) {
    let app = TestApp::builder().start();
    let added = app.admin().post("/admin/api-keys", &json!({"api_key": KEY, "username": "mine"})).expect(200).json();
    let id = added["id"].as_str().expect("an id").to_owned();
    (app, id)
}

/// Adds so many keys with the labels `label 1`, `label 2` and so on, in one batch.
fn many(app: &TestApp, number: usize) {
    let lines: Vec<_> = (1..=number).map(|n| format!("label {n}----upstream-key-number-{n:06}")).collect();
    let body = json!({"content": lines.join("\n")});
    assert_eq!(app.admin().post("/admin/api-keys/import-from-txt", &body).expect(200).json()["added"], number);
}

/// The labels of the rows of a list, in their order.
fn labels(page: &Reply) -> Vec<String> {
    let text = page.text();
    let rows = text.split("<tr id=\"key-").skip(1);
    let label = |row: &str| row.split_once("<span class=\"clip\">")?.1.split('<').next().map(str::to_owned);
    rows.map(|row| label(row).unwrap_or_default()).collect()
}

/// The fields of the form that takes back what was done.
fn undo(page: &Reply) -> Vec<(String, String)> {
    let text = page.text();
    let form = text.split("action=\"/dashboard/keys/undo\"").nth(1).expect("a way back").split("</form>").next();
    let value = |field: &str, name: &str| {
        let start = format!("{name}=\"");
        field.split(start.as_str()).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    };
    let fields = form.unwrap_or_default().split("<input").skip(1);
    fields.map(|field| (value(field, "name"), value(field, "value"))).collect()
}

fn take_back(console: &Browser, page: &Reply) -> Reply {
    let fields = undo(page);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    console.submit("/dashboard/keys/undo", &fields)
}

/// A page's text between two marks.
fn between(page: &str, start: &str, end: &str) -> String {
    page.split_once(start)
        .and_then(|(_, rest)| rest.split_once(end))
        .map(|(text, _)| text.to_owned())
        .unwrap_or_default()
}

#[test]
fn the_list_is_narrowed_sorted_and_paged_by_its_address() {
    let app = TestApp::builder().start();
    let console = app.console();
    assert!(console.get(HERE).expect(200).text().contains("No keys yet"));
    many(&app, 60);
    let all = ids(&app);
    app.add_api_key("openrouter", "sk-or-v1-0000000000000001");
    app.admin().post("/admin/keys/disable", &json!({"apiKey": all[0]})).expect(200);
    let list = |query: &str| console.get(&format!("{HERE}{query}")).expect(200);
    assert_eq!(labels(&list("")).len(), 25);
    assert_eq!(labels(&list("?page=3")).len(), 11);
    assert_eq!(labels(&list("?page=99&size=50")).len(), 11, "the last page, where there are fewer");
    assert_eq!(labels(&list("?sort=label&search=label+1"))[..3], ["label 1", "label 10", "label 11"]);
    assert_eq!(labels(&list("?sort=label&order=desc&search=label+1"))[0], "label 19");
    assert_eq!(labels(&list("?provider=openrouter")).len(), 1);
    assert_eq!(labels(&list("?state=disabled")).len(), 1);
    assert_eq!(labels(&list("?verdict=none&size=100")).len(), 61);
    assert_eq!(labels(&list("?class=kimi")).len(), 0);
    assert_eq!(labels(&list("?state=odd&provider=odd&class=odd&sort=odd&page=x&size=7")).len(), 25);
    let tabs = between(&list("?provider=ollama").text(), "<nav class=\"tabs\"", "</nav>");
    let counts: Vec<_> = tabs.split("class=\"count\">").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(counts, ["60", "59", "0", "0", "1", "0"], "of what the other filters let through");
    assert!(list("?search=tokio").text().contains("No key matches “tokio”"));
    app.browser().get(HERE).expect(303);
}

#[test]
fn a_key_in_a_list_says_why_it_rests_and_until_when() {
    let (app, id) = with_key();
    app.upstream.any_key().always(Answer::status(401));
    let console = app.console();
    let page = console.submit(&format!("{HERE}/{id}/verify"), &[("list", "")]);
    assert!(page.text().contains("The provider does not accept ••••IjKl."), "{}", page.text());
    let row = between(&page.text(), "<tr id=\"key-", "</tr>");
    for part in ["Rejected", "The provider does not accept the key", "data-behavior=\"countdown\"", "23 h 59 min"] {
        assert!(row.contains(part) || part == "23 h 59 min" && row.contains(">1 d<"), "{part}: {row}");
    }
    let narrowed = |state: &str| labels(&console.get(&format!("{HERE}?state={state}")).expect(200)).len();
    assert_eq!((narrowed("rejected"), narrowed("cooling"), narrowed("usable")), (1, 0, 0));
    let chinese = console.clone().in_chinese().get(HERE).expect(200).text();
    assert!(chinese.contains("提供方不接受该密钥") && !chinese.contains("does not accept"), "{chinese}");
    console.submit(&format!("{HERE}/{id}/enable"), &[]);
    assert_eq!(narrowed("usable"), 1);
}

#[test]
fn a_whole_key_is_found_and_never_comes_into_an_address() {
    let (app, id) = with_key();
    let console = app.console();
    let search =
        |text: &str| console.post("/dashboard/keys/search", &[("search", text), ("list", "state=usable&page=2")]);
    assert_eq!(search(KEY).expect(303).header("location"), Some(&*format!("{HERE}/{id}")));
    let other = "fedcba9876543210fedcba98.ZyXwVuTsRqPo";
    let page = search(other).expect(200).text();
    assert!(page.contains("No key of the pool is this one") && !page.contains("fedcba98"), "{page}");
    assert_eq!(search("IjKl").expect(303).header("location"), Some("/dashboard/keys?state=usable&search=IjKl"));
    assert_eq!(search("  ").expect(303).header("location"), Some("/dashboard/keys?state=usable"));
    // A label as long as a key is found by its text all the same.
    console.submit(&format!("{HERE}/{id}/edit"), &[("label", "a-label-of-thirty-characters-1")]);
    let found = search("a-label-of-thirty-characters-1").expect(303);
    assert!(found.header("location").is_some_and(|to| to.contains("search=a-label")), "{:?}", found.header("location"));
}

#[test]
fn one_key_is_changed_and_changed_back() {
    let (app, id) = with_key();
    let console = app.console();
    let here = format!("{HERE}/{id}");
    assert!(console.get(&format!("{here}/disable")).expect(200).text().contains("Disable key ••••IjKl"));

    let page = console.submit(&format!("{here}/disable"), &[("duration", "86400")]);
    assert!(page.text().contains("Disabled 1 key."), "{}", page.text());
    assert_eq!(key(&app, &id)["status"], "disabled");
    assert_eq!(key(&app, &id)["disabled_until"], "2026-01-02T12:00:00.000Z");
    let page = take_back(&console, &page);
    assert!(page.text().contains("It is as it was."), "{}", page.text());
    assert_eq!(key(&app, &id)["status"], "active");

    let fields = [("label", " <b>new</b> "), ("expires", "7"), ("day", "")];
    let page = console.submit(&format!("{here}/edit"), &fields);
    assert!(page.text().contains("&lt;b&gt;new&lt;/b&gt;") && !page.text().contains("<b>new"), "{}", page.text());
    assert_eq!(key(&app, &id)["username"], "<b>new</b>");
    assert_eq!(key(&app, &id)["expires_at"], "2026-01-08T12:00:00.000Z");
    take_back(&console, &page);
    assert_eq!(key(&app, &id)["username"], "mine");
    assert_eq!(key(&app, &id)["expires_at"], Value::Null);

    let wrong = console.post(&format!("{here}/edit"), &[("label", "a\nb"), ("day", "2020-01-01"), ("list", "")]);
    let wrong = wrong.expect(422).text();
    assert!(wrong.contains("A label has at most 200 characters") && wrong.contains("value=\"2020-01-01\""), "{wrong}");
    assert_eq!(wrong.matches("aria-invalid=\"true\"").count(), 2, "{wrong}");

    let page = console.submit(&format!("{here}/delete"), &[]);
    assert!(page.text().contains("Deleted 1 key.") && !page.text().contains("keys/undo"), "{}", page.text());
    console.get(&here).expect(404);
    console.post(&format!("{here}/delete"), &[]).expect(404);
    console.get(&format!("{HERE}/nonsense")).expect(404);
    console.get(&format!("{here}/burn")).expect(404);
}

#[test]
fn a_key_tells_its_history() {
    let (app, id) = with_key();
    let console = app.console();
    let here = format!("{HERE}/{id}");
    console.submit(&format!("{here}/disable"), &[("duration", "0")]);
    console.submit(&format!("{here}/edit"), &[("label", "new name"), ("expires", "keep")]);
    let page = console.get(&here).expect(200).text();
    let history = between(&page, "<ol class=\"timeline", "</ol>");
    let titles: Vec<_> = history.split("<h3>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(titles, ["Changed", "Disabled", "Added"]);
    assert!(history.contains(">mine</del> →") && history.contains(">new name</ins>"), "{history}");
    assert!(page.contains("By the admin, until it is enabled"), "{page}");
    for (range, hours) in [("24h", 24), ("7d", 7), ("30d", 30)] {
        let page = console.get(&format!("{here}?range={range}")).expect(200).text();
        let table = between(&page, "id=\"key-table\"", "</details>");
        assert_eq!(table.matches("<tr>").count(), hours + 1, "{range}: {table}");
    }
}

#[test]
fn a_key_is_revealed_to_whoever_has_the_admin_token_and_that_is_noted() {
    let (app, id) = with_key();
    let console = app.console();
    let here = format!("{HERE}/{id}/reveal");
    assert!(!console.get(&here).expect(200).text().contains(KEY));
    let wrong = console.post(&here, &[("token", "wrong")]).expect(422).text();
    assert!(wrong.contains("This is not the admin token.") && !wrong.contains(KEY), "{wrong}");
    let shown = console.call("POST", &here).header("accept-encoding", "gzip").form(&[("token", ADMIN_TOKEN)]).send();
    let shown = shown.expect(200);
    assert!(shown.text().contains(&format!(">{KEY}</code>")), "{}", shown.text());
    assert_eq!((shown.header("cache-control"), shown.header("content-encoding")), (Some("no-store"), None));
    let log = app.admin().get(&format!("/admin/audit-log?subject={id}")).expect(200).json();
    assert_eq!(log["entries"][0]["action"], "api_key.reveal");
}

#[test]
fn a_key_is_added_when_its_provider_accepts_it() {
    let app = TestApp::builder().start();
    let console = app.console();
    let add = |fields: &[(&str, &str)]| console.post("/dashboard/keys/add", fields);
    let fields = [("key", KEY), ("provider", "ollama"), ("label", "mine"), ("expires", "never"), ("verify", "on")];
    app.upstream.any_key().plays([Answer::status(401)]);
    let refused = add(&fields).expect(422).text();
    assert!(refused.contains("does not accept ••••IjKl. It was not added."), "{refused}");
    assert!(refused.contains("value=\"mine\"") && !refused.contains(KEY), "{refused}");
    assert!(ids(&app).is_empty());

    let page = console.submit("/dashboard/keys/add", &fields);
    assert!(page.text().contains("The provider accepts the key."), "{}", page.text());
    let id = ids(&app).remove(0);
    assert_eq!((&key(&app, &id)["check_verdict"], &key(&app, &id)["username"]), (&json!("valid"), &json!("mine")));
    let again = add(&fields).expect(303);
    assert_eq!(again.header("location"), Some(&*format!("{HERE}/{id}")));

    for (text, why) in [
        ("", "There is no key."),
        ("a b", "It has a space"),
        ("x----y", "fields between"),
        ("****1234", "Only the end"),
    ] {
        let page = add(&[("key", text)]).expect(422).text();
        assert!(page.contains(why), "{text}: {page}");
    }
    let asked = app.upstream.requests().len();
    console.submit("/dashboard/keys/add", &[("key", "another-key-of-mine-0001"), ("provider", "openrouter")]);
    assert_eq!((app.upstream.requests().len(), ids(&app).len()), (asked, 2), "nobody was asked");
}

#[test]
fn an_import_says_what_will_happen_and_stores_nothing_before() {
    let app = with_key().0;
    let console = app.console();
    let content = format!(
        "nas----new-key-number-0001\n# note\n{KEY}\nnew-key-number-0001\nhello world\na----b----c\n</textarea> <b>x"
    );
    let preview =
        console.post("/dashboard/keys/import", &[("content", &content), ("provider", "ollama"), ("label", "all")]);
    let preview = preview.expect(200);
    assert_eq!(preview.header("content-encoding"), None, "a page with secrets is not compressed");
    let page = preview.text();
    let rows = between(&page, "<tbody>", "</tbody>");
    let told: Vec<_> =
        ["Add<", "blank or a comment", "in the pool already", "Line 1 has the same key", "has a space", "three fields"]
            .iter()
            .map(|part| rows.split("<tr>").skip(1).position(|row| row.contains(part)))
            .collect();
    assert_eq!(told, [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5)], "{rows}");
    assert!(!rows.contains("new-key-number") && rows.contains("••••0001"), "{rows}");
    assert!(page.contains("&lt;/textarea&gt; &lt;b&gt;x") && page.contains("Add 1 key"), "{page}");
    assert_eq!(ids(&app).len(), 1, "nothing was stored");

    let fields = [("content", &*content), ("provider", "ollama"), ("label", "all"), ("step", "import")];
    let done = console.submit("/dashboard/keys/import", &fields);
    assert!(done.text().contains("Added 1 key. 6 lines were left out."), "{}", done.text());
    let listed = app.admin().get("/admin/api-keys?search=nas").expect(200).json();
    assert_eq!(listed["total"], 1, "the label of its line: {listed}");
    assert!(
        console
            .post("/dashboard/keys/import", &[("content", "\n# x\n")])
            .expect(422)
            .text()
            .contains("Paste at least one")
    );
}

#[test]
fn a_file_is_read_and_a_verified_import_is_a_job() {
    let app = TestApp::builder().start();
    let console = app.console();
    let file = r#"{"accounts": [{"email": "a@example.org", "api_key": "json-key-number-0001", "password": "x"}]}"#;
    let part =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let parts = [("content", ""), ("provider", "openrouter"), ("label", ""), ("verify", "on"), ("step", "import")];
    let mut body: String = parts.iter().map(|(name, value)| part(name, value)).collect();
    body.push_str(&part("file\"; filename=\"keys.json", file));
    body.push_str("--b--\r\n");
    let call = console.call("POST", "/dashboard/keys/import").header("content-type", "multipart/form-data; boundary=b");
    let reply = call.body(body).send().expect(303);
    let job = reply.header("location").and_then(|to| to.strip_prefix("/dashboard/jobs/")).expect("a job").to_owned();
    job_done(&app.admin(), &format!("/admin/jobs/{job}"));
    let added = key(&app, &ids(&app)[0]);
    assert_eq!((&added["username"], &added["provider"]), (&json!("a@example.org"), &json!("openrouter")));
    assert_eq!(added["check_verdict"], "valid");
}

#[test]
fn a_few_picked_keys_are_changed_at_once_and_back() {
    let app = TestApp::builder().start();
    many(&app, 3);
    let console = app.console();
    let all = ids(&app);
    let picked: Vec<_> = all.iter().take(2).map(|id| ("id", id.as_str())).collect();
    let bulk =
        |more: &[(&'static str, &'static str)]| console.post("/dashboard/keys/bulk", &[&picked[..], more].concat());
    assert!(console.post("/dashboard/keys/bulk", &[("action", "enable")]).expect(303).header("location") == Some(HERE));
    assert!(console.get(HERE).text().contains("Pick keys first."));

    let asked = bulk(&[("action", "disable"), ("list", "state=usable")]).expect(200).text();
    assert!(asked.contains("Disable 2 keys") && asked.contains(&all[0]) && asked.contains(&all[1]), "{asked}");
    let both = format!("{} {}", all[0], all[1]);
    let fields = [("id", &*both), ("action", "disable"), ("answered", "1"), ("duration", "0"), ("list", "size=50")];
    let page = console.submit("/dashboard/keys/bulk", &fields);
    assert!(page.text().contains("Disabled 2 keys."), "{}", page.text());
    assert_eq!(labels(&console.get("/dashboard/keys?state=disabled")).len(), 2);
    take_back(&console, &page);
    assert_eq!(labels(&console.get("/dashboard/keys?state=disabled")).len(), 0);

    let fields = [("id", &*both), ("action", "edit"), ("answered", "1"), ("label", "same"), ("expires", "keep")];
    let page = console.submit("/dashboard/keys/bulk", &fields);
    assert_eq!(labels(&page).iter().filter(|label| *label == "same").count(), 2);
    take_back(&console, &page);
    assert_eq!(labels(&console.get("/dashboard/keys?sort=label")), ["label 1", "label 2", "label 3"]);
    let log = app.admin().get("/admin/audit-log?action=api_key.edit").expect(200).json();
    assert_eq!(log["total"], 4, "each key, there and back");

    let asked = bulk(&[("action", "delete")]).expect(200).text();
    assert!(asked.contains("cannot be brought back") && asked.contains("Keep them"), "{asked}");
    console.submit("/dashboard/keys/bulk", &[("id", &*both), ("action", "delete"), ("answered", "1")]);
    assert_eq!(ids(&app), [all[2].clone()]);
    console.post("/dashboard/keys/bulk", &[("id", &*all[2]), ("action", "burn")]).expect(400);
}

#[test]
fn many_keys_are_changed_by_a_job_and_those_that_match_are_meant() {
    let app = TestApp::builder().start();
    many(&app, 30);
    let console = app.console();
    let filter =
        [("all", "1"), ("filter", "search=label+1"), ("action", "disable"), ("answered", "1"), ("duration", "0")];
    console.submit("/dashboard/keys/bulk", &filter);
    assert_eq!(labels(&console.get("/dashboard/keys?state=disabled")).len(), 11, "1 and 10 to 19, at once");

    let asked = console.post("/dashboard/keys/bulk", &[("all", "1"), ("filter", ""), ("action", "delete")]).expect(200);
    assert!(asked.text().contains("Delete 30 keys") && asked.text().contains("A job does it"), "{}", asked.text());
    let fields = [("all", "1"), ("filter", "state=usable&provider=ollama"), ("action", "enable")];
    console.post("/dashboard/keys/bulk", &fields).expect(303);
    let reply =
        console.post("/dashboard/keys/bulk", &[("all", "1"), ("filter", ""), ("action", "delete"), ("answered", "1")]);
    let job = reply.expect(303).header("location").expect("a place").replace("/dashboard/jobs/", "/admin/jobs/");
    assert_eq!(job_done(&app.admin(), &job)["total"], 30);
    assert!(ids(&app).is_empty());
}

#[test]
fn verifying_all_is_a_job() {
    let app = TestApp::builder().start();
    many(&app, 2);
    let console = app.console();
    let reply = console.post("/dashboard/keys/bulk", &[("all", "1"), ("action", "verify")]).expect(303);
    let job = reply.header("location").expect("a place").replace("/dashboard/jobs/", "/admin/jobs/");
    assert_eq!(job_done(&app.admin(), &job)["total"], 2);
    assert_eq!(labels(&console.get("/dashboard/keys?verdict=valid")).len(), 2);
}

#[test]
fn an_export_has_the_keys_themselves_only_with_the_admin_token() {
    let app = with_key().0;
    many(&app, 2);
    let console = app.console();
    assert!(console.get("/dashboard/keys/export?search=label").expect(200).text().contains("Export 2 keys"));
    let export = |fields: &[(&str, &str)]| console.post("/dashboard/keys/export", fields);
    let masked = export(&[("format", "csv"), ("filter", "")]).expect(200);
    assert!(!masked.text().contains(KEY) && masked.text().contains("****IjKl"), "{}", masked.text());
    assert!(masked.header("content-disposition").is_some_and(|name| name.contains("api-keys.csv")));
    assert!(export(&[("format", "txt"), ("filter", "")]).expect(422).text().contains("nothing but the keys"));
    let wrong = export(&[("format", "txt"), ("secrets", "on"), ("token", "wrong")]).expect(422);
    assert!(!wrong.text().contains(KEY) && wrong.text().contains("This is not the admin token."), "{}", wrong.text());
    let whole = export(&[("format", "txt"), ("secrets", "on"), ("token", ADMIN_TOKEN), ("filter", "search=mine")]);
    assert_eq!(whole.expect(200).text(), format!("mine----{KEY}\n"));
    let log = app.admin().get("/admin/audit-log?action=api_key.export").expect(200).json();
    assert_eq!((&log["total"], &log["entries"][0]["after"]["count"]), (&json!(1), &json!(1)));
}

#[test]
fn nothing_is_changed_for_a_stranger_or_from_elsewhere() {
    let (app, id) = with_key();
    for path in ["bulk", "undo", "add", "import", "export", "search", &format!("{id}/delete"), &format!("{id}/reveal")]
    {
        let reply = app.browser().post(&format!("{HERE}/{path}"), &[("token", ADMIN_TOKEN), ("all", "1")]).expect(303);
        assert!(reply.header("location").is_some_and(|to| to.starts_with("/dashboard/sign-in")), "{path}");
    }
    let console = app.console();
    let elsewhere = console.call("GET", HERE).send().expect(200);
    drop(elsewhere);
    assert_eq!(ids(&app).len(), 1);
}
