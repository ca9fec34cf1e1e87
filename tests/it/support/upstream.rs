//! A scripted upstream on a raw socket.
//!
//! A server library would end a broken stream cleanly, so this one writes its own bytes: it can stop in the middle of
//! a line, reset, hang, or wait for the test between two events. It records every request, and whether the peer left
//! before the answer was complete. When it is dropped, a script step that nobody asked for fails the test.
//!
//! Each connection has a thread that reads and one that writes, so that a peer who leaves is noticed at once.

use std::collections::{HashSet, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Weak, mpsc};
use std::thread;

use parking_lot::{Condvar, Mutex};
use serde_json::Value;

use super::WAIT;
use super::player;
use super::script::{self, Answer, Part};
use super::wire::{Head, Headers, Reader};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The bearer of the request: the API key that was leased for it.
    pub(crate) fn key(&self) -> &str {
        self.headers.get("authorization").and_then(|v| v.strip_prefix("Bearer ")).unwrap_or("")
    }

    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// How the peer of a request left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    /// Before the answer was complete.
    pub(crate) early: bool,
    /// How much of the body had been written then.
    pub(crate) after_bytes: usize,
}

/// A scripted upstream; tests hold it and the servers under test reach it by `base_url`.
pub(crate) struct FakeUpstream {
    addr: SocketAddr,
    hub: Arc<Hub>,
    acceptor: Option<thread::JoinHandle<()>>,
}

impl FakeUpstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind the fake upstream");
        let addr = listener.local_addr().expect("the fake upstream has an address");
        let hub = Arc::new(Hub::default());
        let acceptor = thread::spawn({
            let hub = Arc::clone(&hub);
            move || accept(&listener, &hub)
        });
        Self { addr, hub, acceptor: Some(acceptor) }
    }

    /// Without a trailing slash: `http://127.0.0.1:40123`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Scripts what requests with this API key are told.
    pub(crate) fn key(&self, key: &str) -> Rule<'_> {
        Rule { upstream: self, key: Some(key.to_owned()), path: None }
    }

    /// Scripts what requests are told, whatever their API key. Rules for a key come first.
    pub(crate) fn any_key(&self) -> Rule<'_> {
        Rule { upstream: self, key: None, path: None }
    }

    /// A barrier for `Answer::held_by`, `Answer::step_by` and `Gate::wait`; closed at first.
    pub(crate) fn gate(&self) -> Gate {
        let mut state = self.hub.state.lock();
        state.permits.push(0);
        Gate { index: state.permits.len() - 1, hub: Arc::downgrade(&self.hub) }
    }

    /// The most requests so far that were being answered at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.hub.state.lock().most_at_once
    }

    /// Waits until nobody waits for an answer: each has come, or its peer has left.
    #[track_caller]
    pub(crate) fn idle(&self) {
        self.hub.wait_for("all requests to be over", |state| state.being_answered.is_empty().then_some(()));
    }

    /// Everything that has arrived until now.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.hub.state.lock().exchanges.iter().map(|e| e.request.clone()).collect()
    }

    /// The API keys of everything that has arrived until now.
    pub(crate) fn keys_used(&self) -> Vec<String> {
        self.requests().iter().map(|r| r.key().to_owned()).collect()
    }

    /// Waits until request `n` has arrived; the first is 0.
    #[track_caller]
    pub(crate) fn request(&self, n: usize) -> Received {
        self.hub.wait_for(&format!("request {n}"), |state| state.exchanges.get(n).map(|e| e.request.clone()))
    }

    /// How much of the body of request `n`'s answer has been given to the socket, the piece under way included.
    pub(crate) fn body_bytes_sent(&self, n: usize) -> usize {
        self.hub.state.lock().exchanges.get(n).map_or(0, |exchange| exchange.body_bytes_sent)
    }

    /// Waits until the peer of request `n` has ended its connection.
    #[track_caller]
    pub(crate) fn departure(&self, n: usize) -> Departure {
        self.hub.wait_for(&format!("the peer of request {n} to leave"), |state| {
            state.exchanges.get(n).and_then(|exchange| exchange.departure)
        })
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        let unused: Vec<String> = {
            let mut state = self.hub.state.lock();
            state.stopping = true;
            for socket in state.sockets.iter().filter_map(Weak::upgrade) {
                // A connection that is already gone cannot be shut down, and need not be.
                socket.shutdown(Shutdown::Both).ok();
            }
            state.routes.iter().filter(|r| !r.script.is_empty()).map(Route::describe_unused).collect()
        };
        self.hub.changed.notify_all();
        // One more connection makes the acceptor look at `stopping`.
        drop(TcpStream::connect(self.addr));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
        if !thread::panicking() {
            assert!(unused.is_empty(), "script steps that nobody asked for: {}", unused.join("; "));
        }
    }
}

/// Whom a script is for.
#[must_use]
pub(crate) struct Rule<'a> {
    upstream: &'a FakeUpstream,
    key: Option<String>,
    path: Option<String>,
}

impl Rule<'_> {
    /// Only for requests whose path ends so. Rules with a path come before those without one.
    pub(crate) fn path(mut self, suffix: &str) -> Self {
        self.path = Some(suffix.to_owned());
        self
    }

    /// Says these, one a request and each exactly once.
    pub(crate) fn plays(self, answers: impl IntoIterator<Item = Answer>) {
        self.with_route(|route| route.script.extend(answers));
    }

    /// Says this whenever the script is empty.
    pub(crate) fn always(self, answer: Answer) {
        self.with_route(|route| route.standing = Some(answer));
    }

    fn with_route(self, change: impl FnOnce(&mut Route)) {
        let mut state = self.upstream.hub.state.lock();
        let known = state.routes.iter_mut().find(|r| r.key == self.key && r.path == self.path);
        if let Some(route) = known {
            return change(route);
        }
        let mut route = Route { key: self.key, path: self.path, ..Route::default() };
        change(&mut route);
        state.routes.push(route);
        state.routes.sort_by_key(|r| (r.key.is_none(), r.path.is_none()));
    }
}

#[derive(Default)]
struct Route {
    key: Option<String>,
    path: Option<String>,
    script: VecDeque<Answer>,
    standing: Option<Answer>,
}

impl Route {
    fn applies(&self, request: &Received) -> bool {
        let path = request.path.split('?').next().unwrap_or_default();
        self.key.as_deref().is_none_or(|key| key == request.key())
            && self.path.as_deref().is_none_or(|suffix| path.ends_with(suffix))
    }

    fn next(&mut self) -> Option<Answer> {
        self.script.pop_front().or_else(|| self.standing.clone())
    }

    fn describe_unused(&self) -> String {
        let key = self.key.as_deref().unwrap_or("any key");
        let path = self.path.as_deref().unwrap_or("any path");
        format!("{} for {key}, {path}", self.script.len())
    }
}

/// A counting barrier that the test opens.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(super) index: usize,
    /// Weak, because scripts that wait here are held by the upstream itself.
    hub: Weak<Hub>,
}

impl Gate {
    /// Lets one waiter pass.
    pub(crate) fn release(&self) {
        self.add(1);
    }

    /// Lets everybody pass, now and later.
    pub(crate) fn open(&self) {
        self.add(usize::MAX);
    }

    /// A part of a body at which the upstream waits.
    pub(crate) fn wait(&self) -> Part {
        Part::Wait(self.clone())
    }

    fn add(&self, permits: usize) {
        if let Some(hub) = self.hub.upgrade() {
            let mut state = hub.state.lock();
            state.permits[self.index] = state.permits[self.index].saturating_add(permits);
            hub.changed.notify_all();
        }
    }
}

/// One request and what became of it.
pub(super) struct Exchange {
    pub(super) request: Received,
    connection: usize,
    pub(super) body_bytes_sent: usize,
    pub(super) is_complete: bool,
    departure: Option<Departure>,
}

#[derive(Default)]
pub(super) struct State {
    routes: Vec<Route>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) permits: Vec<usize>,
    sockets: Vec<Weak<TcpStream>>,
    stopping: bool,
    /// Requests that are not answered yet, and whose peer is there.
    being_answered: HashSet<usize>,
    most_at_once: usize,
}

impl State {
    /// Whether there is nobody left to answer request `n`.
    pub(super) fn is_over(&self, n: usize) -> bool {
        self.stopping || self.exchanges[n].departure.is_some()
    }

    fn begin(&mut self, exchange: Exchange) -> usize {
        self.exchanges.push(exchange);
        let n = self.exchanges.len() - 1;
        self.being_answered.insert(n);
        self.most_at_once = self.most_at_once.max(self.being_answered.len());
        n
    }

    pub(super) fn complete(&mut self, n: usize) {
        self.exchanges[n].is_complete = true;
        self.being_answered.remove(&n);
    }
}

/// What the test's thread and the connections' threads share.
#[derive(Default)]
pub(super) struct Hub {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

impl Hub {
    #[track_caller]
    fn wait_for<R>(&self, what: &str, mut look: impl FnMut(&State) -> Option<R>) -> R {
        let mut state = self.state.lock();
        let mut found = look(&state);
        let wait = self.changed.wait_while_for(
            &mut state,
            |state| {
                found = found.take().or_else(|| look(state));
                found.is_none()
            },
            WAIT,
        );
        let arrived = state.exchanges.len();
        found.unwrap_or_else(|| {
            panic!("waited {WAIT:?} for {what} (timed out: {}); {arrived} arrived", wait.timed_out())
        })
    }

    /// Notes a request and chooses its answer.
    fn receive(&self, connection: usize, request: Received) -> (usize, Answer) {
        let mut state = self.state.lock();
        let scripted = state.routes.iter_mut().filter(|route| route.applies(&request)).find_map(Route::next);
        let answer = scripted.unwrap_or_else(|| script::unscripted(&request.path, &request.json()));
        let exchange = Exchange { request, connection, body_bytes_sent: 0, is_complete: false, departure: None };
        let n = state.begin(exchange);
        self.changed.notify_all();
        (n, answer)
    }

    fn peer_left(&self, connection: usize) {
        let mut state = self.state.lock();
        let State { exchanges, being_answered, .. } = &mut *state;
        for (n, exchange) in exchanges.iter_mut().enumerate().filter(|(_, e)| e.connection == connection) {
            being_answered.remove(&n);
            exchange
                .departure
                .get_or_insert(Departure { early: !exchange.is_complete, after_bytes: exchange.body_bytes_sent });
        }
        self.changed.notify_all();
    }
}

fn accept(listener: &TcpListener, hub: &Arc<Hub>) {
    for socket in listener.incoming() {
        let socket = Arc::new(socket.expect("accept a connection"));
        let connection = {
            let mut state = hub.state.lock();
            if state.stopping {
                return;
            }
            state.sockets.push(Arc::downgrade(&socket));
            state.sockets.len()
        };
        socket.set_nodelay(true).expect("set TCP_NODELAY");
        let hub = Arc::clone(hub);
        thread::spawn(move || read_requests(&hub, connection, socket));
    }
}

/// Reads requests until the peer leaves and has the player answer them in order.
fn read_requests(hub: &Arc<Hub>, connection: usize, socket: Arc<TcpStream>) {
    let (to_player, turns) = mpsc::channel();
    let player = thread::spawn({
        let (hub, socket) = (Arc::clone(hub), Arc::clone(&socket));
        move || player::play_all(&hub, &socket, &turns)
    });
    let mut reader = Reader::new(socket);
    while let Ok(Some(head)) = reader.head() {
        let Ok(body) = reader.body(&head.headers) else { break };
        if to_player.send(hub.receive(connection, received(head, body))).is_err() {
            break;
        }
    }
    hub.peer_left(connection);
    drop(to_player);
    player.join().ok();
}

fn received(head: Head, body: Vec<u8>) -> Received {
    let mut words = head.start_line.split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_else(|| panic!("not a request line: {:?}", head.start_line));
    Received { method: word(), path: word(), headers: head.headers, body }
}
