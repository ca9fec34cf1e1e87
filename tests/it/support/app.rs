//! The real application in this process, on a directory of its own, set up through its public routes.

use std::net::SocketAddr;
use std::path::Path;

use ollama_api_pool::app::App;
use ollama_api_pool::clock::{Clock, ManualClock};
use ollama_api_pool::config::{Args, Config, Environment};
use ollama_api_pool::domain::time::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Call, FakeUpstream, Reply};

pub(crate) const ADMIN_TOKEN: &str = "integration-tests-administrate-with-this";

/// What every server under test is configured with; a test's own options come after and win.
pub(crate) fn options(data_dir: &Path, upstream: &FakeUpstream) -> Vec<(String, String)> {
    let pairs = [
        ("LISTEN", "127.0.0.1:0".to_owned()),
        ("DATA_DIR", data_dir.display().to_string()),
        ("ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
        ("MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
        ("OLLAMA_BASE_URL", upstream.base_url()),
        ("OPENROUTER_BASE_URL", format!("{}/openrouter", upstream.base_url())),
        ("SHUTDOWN_GRACE", "2s".to_owned()),
        ("WORKERS", "2".to_owned()),
        // What tests look for in a process's log is written so.
        ("LOG_FORMAT", "text".to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// How a [`TestApp`] will be set up.
#[must_use]
pub(crate) struct Builder {
    api_keys: Vec<String>,
    options: Vec<(String, String)>,
}

impl Builder {
    /// Adds these API keys of the provider `ollama` through the admin API.
    pub(crate) fn api_keys(mut self, keys: &[&str]) -> Self {
        self.api_keys.extend(keys.iter().map(|key| (*key).to_owned()));
        self
    }

    /// Sets an option by its environment name: `.option("MAX_ATTEMPTS", "2")`.
    pub(crate) fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn start(self) -> TestApp {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let upstream = FakeUpstream::start();
        let mut all_options = options(dir.path(), &upstream);
        all_options.extend(self.options);
        // 2026-01-01T12:00:00Z
        let (time, clock) = Clock::manual(Timestamp::from_millis(1_767_268_800_000));
        let app = Some(launch(&all_options, &time));
        let app = TestApp { app, clock, upstream, time, options: all_options, dir };
        for key in &self.api_keys {
            app.add_api_key("ollama", key);
        }
        app
    }
}

/// A running application, its upstream and its clock.
pub(crate) struct TestApp {
    /// `None` only while it is being restarted or dropped.
    app: Option<App>,
    /// The domain's time; timers on sockets go by real time.
    pub(crate) clock: ManualClock,
    pub(crate) upstream: FakeUpstream,
    time: Clock,
    options: Vec<(String, String)>,
    dir: TempDir,
}

impl TestApp {
    pub(crate) fn builder() -> Builder {
        Builder { api_keys: Vec::new(), options: Vec::new() }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.app.as_ref().expect("the app is running").addr()
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Somebody without any credential.
    pub(crate) fn anon(&self) -> Role {
        Role::new(self.addr(), None)
    }

    pub(crate) fn admin(&self) -> Role {
        self.bearer(ADMIN_TOKEN)
    }

    /// A client with a new token for the default provider.
    pub(crate) fn client(&self) -> Role {
        self.client_with(&json!({"name": "test"}))
    }

    /// A client with a new token; `request` is the body of `POST /admin/tokens`.
    pub(crate) fn client_with(&self, request: &Value) -> Role {
        let created = self.admin().post("/admin/tokens", request).expect(200).json();
        self.bearer(created["token"].as_str().expect("the answer has the token"))
    }

    /// Somebody who presents this token, whatever it is.
    pub(crate) fn bearer(&self, token: &str) -> Role {
        Role::new(self.addr(), Some(token))
    }

    /// Adds an API key through the admin API.
    pub(crate) fn add_api_key(&self, provider: &str, key: &str) {
        let body = json!({"api_key": key, "username": format!("owner of {key}"), "provider": provider});
        let reply = self.admin().post("/admin/api-keys", &body).expect(200);
        assert_eq!(reply.json()["success"], true, "{}", reply.text());
    }

    /// Stops gracefully and starts again on the same directory; the address changes.
    pub(crate) fn restart(&mut self) {
        self.app.take().expect("the app is running").shutdown().expect("a clean end");
        self.app = Some(launch(&self.options, &self.time));
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.shutdown().expect("a clean end");
        }
    }
}

fn launch(options: &[(String, String)], time: &Clock) -> App {
    let environment = Environment::new(options.iter().cloned());
    let config = Config::resolve(&Args::default(), &environment).unwrap_or_else(|e| panic!("configuration: {e:?}"));
    App::start(config, time.clone()).unwrap_or_else(|e| panic!("start: {e:#}"))
}

/// Somebody who talks to the server, with the credential they have.
#[derive(Clone)]
pub(crate) struct Role {
    addr: SocketAddr,
    token: Option<String>,
}

impl Role {
    pub(crate) fn new(addr: SocketAddr, token: Option<&str>) -> Self {
        Self { addr, token: token.map(str::to_owned) }
    }

    /// Somebody else at the same server.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self::new(self.addr, Some(token))
    }

    /// A stranger at the same server.
    pub(crate) fn without_token(&self) -> Self {
        Self::new(self.addr, None)
    }

    /// The credential; empty for somebody without.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or("")
    }

    /// A request to be put together further.
    pub(crate) fn call(&self, method: &'static str, path: &str) -> Call {
        let call = Call::new(self.addr, method, path);
        match &self.token {
            Some(token) => call.header("authorization", &format!("Bearer {token}")),
            None => call,
        }
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path).send()
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path).json(body).send()
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str, body: &Value) -> Reply {
        self.call("DELETE", path).json(body).send()
    }

    /// A chat completion with `test-model`, to be sent with `.send()` or `.stream()`.
    pub(crate) fn chat(&self, text: &str) -> Call {
        let body = json!({"model": "test-model", "messages": [{"role": "user", "content": text}]});
        self.call("POST", "/v1/chat/completions").json(&body)
    }
}
