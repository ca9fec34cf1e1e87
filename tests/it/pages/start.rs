//! From nothing to the first answered request.

use crate::support::{ADMIN_TOKEN, Answer, TestApp};

const HERE: &str = "/dashboard/start";

#[test]
fn three_forms_lead_to_a_line_that_answers() {
    let app = TestApp::builder().start();
    let signed_in = app.browser().post("/dashboard/sign-in", &[("token", ADMIN_TOKEN)]).expect(303);
    assert_eq!(signed_in.header("location"), Some(HERE), "there is nothing yet");
    let console = app.browser().with_cookie(&signed_in.cookie());
    console.post("/dashboard/start/token", &[("name", "early")]).expect(303);
    let sums = app.admin().get("/admin/stats").expect(200).json();
    assert_eq!(sums["total_client_tokens"], 0, "a token alone is of no use");

    app.upstream.any_key().path("/v1/chat/completions").always(Answer::ok_json("hello"));
    let page = console.submit("/dashboard/start/key", &[("provider", "ollama"), ("key", " upstream-key-0001 ")]);
    assert!(page.text().contains("1 key is in the pool."), "{}", page.text());
    assert!(!page.text().contains("upstream-key-0001"), "{}", page.text());

    let page = console.post("/dashboard/start/token", &[("name", "<b>mine</b>")]).expect(200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let page = page.text();
    let token = page.split(['<', '>']).find(|part| part.starts_with("sk-")).expect("the token").to_owned();
    assert!(page.contains(&format!("http://{}/v1/chat/completions", app.addr())), "{page}");
    app.bearer(&token).chat("hi").send().expect(200);
    assert_eq!(signed_in_again(&app), "/dashboard", "it is in use");
}

fn signed_in_again(app: &TestApp) -> String {
    let reply = app.browser().post("/dashboard/sign-in", &[("token", ADMIN_TOKEN)]).expect(303);
    reply.header("location").unwrap_or_default().to_owned()
}

#[test]
fn a_key_that_its_provider_refuses_is_not_added() {
    let app = TestApp::builder().start();
    let console = app.console();
    app.upstream.any_key().path("/api/tags").always(Answer::status(401));
    let form = [("provider", "ollama"), ("key", "upstream-key-0001")];
    let page = console.post("/dashboard/start/key", &form).expect(422);
    assert!(page.text().contains("Ollama Cloud does not accept this key (status 401)"), "{}", page.text());
    assert!(!page.text().contains("upstream-key-0001"), "{}", page.text());
    let chinese = app.console().in_chinese().post("/dashboard/start/key", &form).expect(422);
    assert!(chinese.text().contains("不接受这个密钥（状态码 401）"), "{}", chinese.text());
    for (provider, key) in [("ollama", ""), ("ollama", "with a space"), ("nobody", "upstream-key-0001"), ("", "x")] {
        console.post("/dashboard/start/key", &[("provider", provider), ("key", key)]).expect(422);
    }
    assert_eq!(app.admin().get("/admin/stats").expect(200).json()["total_api_keys"], 0);
}

#[test]
fn a_provider_that_cannot_be_asked_does_not_stand_in_the_way() {
    let app = TestApp::builder().start();
    app.upstream.any_key().path("/api/tags").always(Answer::status(500));
    let page = app.console().submit("/dashboard/start/key", &[("provider", "ollama"), ("key", "upstream-key-0001")]);
    assert!(page.text().contains("Ollama Cloud could not be asked about it just now"), "{}", page.text());
    let keys = app.admin().get("/admin/api-keys").expect(200).json();
    assert_eq!(keys["api_keys"][0]["check_verdict"], "unknown", "{keys}");
}
