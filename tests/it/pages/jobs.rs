//! Jobs in the console.

use serde_json::json;

use crate::support::{Browser, TestApp, job_done, job_made};

/// A text with a key, the same again, a comment and something else.
const MIXED: &str = "# keys\nfresh-upstream-key-0002\nfresh-upstream-key-0002\n{\"a\": 1}\n";

/// A job that is done, by its page.
#[track_caller]
fn imported(app: &TestApp) -> String {
    let body = json!({"content": MIXED, "async": true});
    let path = job_made(app.admin().post("/admin/api-keys/import-with-validation", &body));
    job_done(&app.admin(), &path);
    path.replace("/admin/", "/dashboard/")
}

#[track_caller]
fn checked(app: &TestApp) -> String {
    let path = job_made(app.admin().post("/admin/api-keys/bulk", &json!({"action": "check", "filter": {}})));
    job_done(&app.admin(), &path);
    path.replace("/admin/", "/dashboard/")
}

#[track_caller]
fn text(console: &Browser, path: &str) -> String {
    console.get(path).expect(200).text()
}

#[test]
fn a_job_tells_what_came_of_each_line_in_the_readers_language() {
    let app = TestApp::builder().start();
    let console = app.console();
    assert!(text(&console, "/dashboard/jobs").contains("No jobs yet"));
    let job = imported(&app);
    let list = text(&console, "/dashboard/jobs");
    assert!(list.contains("Import keys") && list.contains("4 of 4") && list.contains(&job), "{list}");
    let page = text(&console, &job);
    for said in ["It is a comment", "The same key is in line 2", "It is no key, but looks like something else"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(page.contains("••••0002</a>") && page.contains("href=\"/dashboard/keys/0"), "{page}");
    assert!(!page.contains("fresh-upstream-key-0002"));
    let chinese = text(&console.clone().in_chinese(), &job);
    assert!(chinese.contains("与第 2 行的密钥相同") && !chinese.contains("line 2 has the same"), "{chinese}");
    let refused = text(&console, &format!("{job}?result=refused"));
    assert!(refused.contains("1–1 of 1") && !refused.contains("It is a comment"), "{refused}");
    assert!(text(&console, &format!("{job}?result=%3Cb%3Epayload")).contains("No item came to this result."));
}

#[test]
fn the_items_can_be_taken_along_as_a_file_without_any_key() {
    let app = TestApp::builder().start();
    let console = app.console();
    let job = imported(&app);
    let file = console.get(&format!("{job}/items.csv?result=added")).expect(200);
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(file.header("content-disposition").is_some_and(|to| to.starts_with("attachment; filename=\"job-")));
    let lines: Vec<_> = file.text().lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), lines[0].as_str()), (2, "number,id,key,label,result,reason,message"));
    assert!(lines[1].starts_with("2,0") && lines[1].contains(",****0002,,added,"), "{lines:?}");
}

#[test]
fn what_a_job_did_can_be_done_again_where_that_makes_sense() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001", "upstream-key-0002"]).start();
    let console = app.console();
    let job = checked(&app);
    assert!(text(&console, &job).contains("Do it again with these 2 keys"));
    let page = console.submit(&format!("{job}/again"), &[("result", "valid")]).text();
    assert!(page.contains("has begun."), "{page}");
    let imported = imported(&app);
    assert!(!text(&console, &imported).contains("Do it again"));
    console.post(&format!("{imported}/again"), &[("result", "added")]).expect(409);
    let jobs = app.admin().get("/admin/jobs").expect(200).json();
    assert_eq!(jobs["total"], 3, "{jobs}");
}

#[test]
fn a_job_is_stopped_while_it_runs_and_deleted_when_it_is_over() {
    let app = TestApp::builder().start();
    let console = app.console();
    let job = imported(&app);
    console.get(&format!("{job}/cancel")).expect(409);
    assert!(console.post(&format!("{job}/cancel"), &[]).expect(409).text().contains("This job is over already."));
    let ask = text(&console, &format!("{job}/delete"));
    assert!(ask.contains("What it says of its 4 items is gone then."), "{ask}");
    assert!(console.submit(&format!("{job}/delete"), &[]).text().contains("The job was deleted."));
    for gone in ["", "/delete", "/cancel", "/items.csv"] {
        console.get(&format!("{job}{gone}")).expect(404);
    }
    let log = app.admin().get("/admin/audit-log?action=job.delete").expect(200).json();
    assert_eq!((&log["total"], &log["entries"][0]["actor"]), (&json!(1), &json!("admin")), "{log}");
}
