//! The load: chats, streams, and every kind of change to keys and tokens, all at once until the server dies.

use std::collections::BTreeMap;
use std::mem;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use ollama_api_pool::clock::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::rows::{Rows, Shown};
use crate::support::{ADMIN_TOKEN, Role, ServerProcess, WAIT};

/// Those who ask all the time with a token of their own. One more asks once with each token of many.
pub(super) const ASKERS: usize = 4;

/// How often counters are written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How long writing them may take on an idle machine. On a busy one the slowest change of the round tells.
const FLUSH_TAKES: Duration = Duration::from_millis(200);

const A_DAY: Duration = Duration::from_hours(24);

/// The key that is never switched off, so that there is always one.
const STEADY: &str = "steady";

/// Whose requests are told apart from others' by model and, but for the last one, by token.
pub(super) struct Asker {
    /// Of the model and of the token.
    pub(super) name: String,
    streams: bool,
    sent: AtomicU64,
    answered: Mutex<Vec<Instant>>,
}

impl Asker {
    fn new(n: usize) -> Self {
        Self { name: format!("asker-{n}"), streams: n % 2 == 1, sent: AtomicU64::new(0), answered: Mutex::default() }
    }

    fn chat(&self, client: &Role) -> Option<()> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let call = client.chat("hi").with("model", self.name.as_str()).with("stream", self.streams);
        let reply = call.try_send()?;
        self.answered.lock().push(Instant::now());
        assert_eq!(reply.status, 200, "{}", reply.text());
        Some(())
    }

    /// How many must and may have been counted now, when it was `before` at the start of the round.
    fn bounds(&self, before: u64, killed_at: Instant, may_be_lost: Duration) -> RangeInclusive<u64> {
        let is_certain = |at: &Instant| *at + may_be_lost < killed_at;
        let certain = self.answered.lock().drain(..).filter(is_certain).count();
        before + certain as u64..=before + self.sent.swap(0, Ordering::Relaxed)
    }
}

/// Everything that the server was asked and has acknowledged, in all rounds.
pub(super) struct Load {
    pub(super) askers: Vec<Asker>,
    pub(super) keys: Rows,
    pub(super) tokens: Rows,
    /// The tokens themselves, by name.
    texts: Mutex<BTreeMap<String, String>>,
    /// Names of tokens that nobody will ask with again.
    used_up: Mutex<Vec<String>>,
    /// The longest that a change of this round took.
    slowest: Mutex<Duration>,
}

impl Load {
    /// Adds what is there in all rounds.
    pub(super) fn prepare(admin: &Role) -> Self {
        let load = Self {
            askers: (0..=ASKERS).map(Asker::new).collect(),
            keys: Rows::default(),
            tokens: Rows::default(),
            texts: Mutex::default(),
            used_up: Mutex::default(),
            slowest: Mutex::default(),
        };
        load.add_key(admin, STEADY).expect("the first key is added");
        for asker in load.askers.iter().take(ASKERS) {
            load.create_token(admin, &asker.name).expect("a token is created");
        }
        load
    }

    /// Does everything at once until the server is killed after `life`. Gives the bounds of each asker's counters.
    pub(super) fn run(
        &self,
        server: ServerProcess,
        round: usize,
        life: Duration,
        counted: &[u64],
    ) -> Vec<RangeInclusive<u64>> {
        let admin = &Role::new(server.addr(), Some(ADMIN_TOKEN));
        let killed_at = thread::scope(|scope| {
            for asker in self.askers.iter().take(ASKERS) {
                let client = admin.with_token(&self.texts.lock()[&asker.name]);
                scope.spawn(move || while asker.chat(&client).is_some() {});
            }
            scope.spawn(move || repeat(|n| self.add_key(admin, &format!("key-{round:02}-{n:06}"))));
            scope.spawn(move || repeat(|n| self.pass_by(admin, &format!("token-{round:02}-{n:06}"))));
            scope.spawn(move || repeat(|n| self.switch(admin, &format!("switched-{round:02}-{n:06}"))));
            // Not a wait for anything: the moment of the kill is the random input of this test.
            thread::sleep(life);
            let killed_at = Instant::now();
            let log = server.kill();
            assert!(!log.contains(" ERROR "), "round {round}: {log}");
            killed_at
        });
        // A flush waits in the queue of the changes, and then writes more than any of them.
        let flush_takes = FLUSH_TAKES.max(mem::take(&mut *self.slowest.lock()) * 2);
        let may_be_lost = FLUSH_EVERY + flush_takes;
        self.askers.iter().zip(counted).map(|(asker, counted)| asker.bounds(*counted, killed_at, may_be_lost)).collect()
    }

    /// `None` when the server has gone.
    fn change<R>(&self, rows: &Rows, name: &str, to: Shown, ask: impl FnOnce() -> Option<R>) -> Option<R> {
        let asked_at = Instant::now();
        let answer = rows.change(name, to, ask)?;
        let mut slowest = self.slowest.lock();
        *slowest = slowest.max(asked_at.elapsed());
        Some(answer)
    }

    fn add_key(&self, admin: &Role, name: &str) -> Option<()> {
        let body = json!({"api_key": secret_of(name), "username": name, "provider": "ollama"});
        self.change(&self.keys, name, Shown::Enabled, || succeed(admin, "POST", "/admin/api-keys", &body))
    }

    fn create_token(&self, admin: &Role, name: &str) -> Option<Role> {
        let ask = || admin.call("POST", "/admin/tokens").json(&json!({"name": name})).try_send();
        let reply = self.change(&self.tokens, name, Shown::Enabled, ask)?;
        let text = reply.expect(200).json()["token"].as_str().expect("the new token").to_owned();
        self.texts.lock().insert(name.to_owned(), text.clone());
        Some(admin.with_token(&text))
    }

    /// Asks once with a new token.
    fn pass_by(&self, admin: &Role, name: &str) -> Option<()> {
        let client = self.create_token(admin, name)?;
        self.askers[ASKERS].chat(&client)?;
        self.used_up.lock().push(name.to_owned());
        Some(())
    }

    /// Adds a key, disables, enables or deletes another one, and deletes a token.
    fn switch(&self, admin: &Role, new: &str) -> Option<()> {
        self.add_key(admin, new)?;
        self.switch_key(admin)?;
        // Some live on, for a while or for good.
        let token = if super::random().is_multiple_of(3) { None } else { self.used_up.lock().pop() };
        let Some(token) = token else { return Some(()) };
        let body = json!({"token": self.texts.lock()[&token]});
        self.change(&self.tokens, &token, Shown::Nowhere, || succeed(admin, "DELETE", "/admin/tokens", &body))
    }

    fn switch_key(&self, admin: &Role) -> Option<()> {
        let (name, shown) = self.keys.pick(super::random()).filter(|(name, _)| name != STEADY).unzip();
        let (Some(name), Some(shown)) = (name, shown) else { return Some(()) };
        let secret = secret_of(&name);
        let is_disabled = matches!(shown, Shown::Disabled(_));
        match super::random() % 3 {
            0 => {
                let body = json!({"apiKeys": [secret]});
                self.change(&self.keys, &name, Shown::Nowhere, || succeed(admin, "DELETE", "/admin/api-keys", &body))
            }
            _ if is_disabled => {
                let body = json!({"apiKey": secret});
                self.change(&self.keys, &name, Shown::Enabled, || succeed(admin, "POST", "/admin/keys/enable", &body))
            }
            1 => {
                let (body, from) = (json!({"apiKey": secret, "duration": A_DAY.as_secs()}), Clock::system().now());
                let until = (from + A_DAY).to_rfc3339()..=(from + A_DAY + WAIT).to_rfc3339();
                let disabled = Shown::Disabled(Some(until));
                self.change(&self.keys, &name, disabled, || succeed(admin, "POST", "/admin/keys/disable", &body))
            }
            _ => {
                let body = json!({"apiKey": secret, "duration": 0});
                let disabled = Shown::Disabled(None);
                self.change(&self.keys, &name, disabled, || succeed(admin, "POST", "/admin/keys/disable", &body))
            }
        }
    }

    /// The keys that are gone for good, as the upstream would see them.
    pub(super) fn deleted_secrets(&self) -> Vec<String> {
        self.keys.names(|shown| matches!(shown, Shown::Nowhere)).iter().map(|name| secret_of(name)).collect()
    }

    /// The newest are most at risk, so these are tried and not only looked up.
    pub(super) fn newest_tokens(&self, is_wanted: impl Fn(&Shown) -> bool) -> Vec<String> {
        let (names, texts) = (self.tokens.names(is_wanted), self.texts.lock());
        // In the order of their names, which have the round in them.
        let mut found: Vec<_> = names.iter().filter_map(|name| texts.get(name)).cloned().collect();
        found.split_off(found.len().saturating_sub(20))
    }
}

/// Until the server has gone.
fn repeat(step: impl Fn(u64) -> Option<()>) {
    let mut n = 0;
    while step(n).is_some() {
        n += 1;
    }
}

/// `None` when the server has gone.
#[track_caller]
fn succeed(admin: &Role, method: &'static str, path: &str, body: &Value) -> Option<()> {
    let reply = admin.call(method, path).json(body).try_send()?;
    assert_eq!(reply.json()["success"], true, "{method} {path} {body}: {}", reply.text());
    Some(())
}

fn secret_of(name: &str) -> String {
    format!("upstream-secret-{name}")
}
