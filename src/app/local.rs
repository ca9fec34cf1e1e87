//! The way into a server from its own machine, for the command line: a socket in the data directory.
//!
//! It speaks what the network speaks and leads to the control plane alone. Whoever can open it is the admin: the file is
//! its owner's, like all else in the directory. Where no server runs, the command line starts a control plane of its own
//! on the directory, without listening to anybody, and speaks to that: each command does the same in both cases.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::control::ControlPlane;
use super::startup::{self, Directory};
use super::{control_runtime, flush_at_last};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::provider::ProviderId;
use crate::web::{Origin, State};

const FILE_NAME: &str = "control.sock";
/// Between a command line and its own control plane.
const PIPE_LEN: usize = 64 * 1024;

/// The socket's file, there for as long as this lives.
pub(super) struct Socket {
    path: PathBuf,
    listener: std::os::unix::net::UnixListener,
}

impl Socket {
    /// What a process that was killed left behind is replaced: the directory is ours.
    pub(super) fn bind(directory: &Directory) -> io::Result<Self> {
        let path = directory.path().join(FILE_NAME);
        let new = path.with_extension("new");
        fs::remove_file(&new)
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        let listener = std::os::unix::net::UnixListener::bind(&new)?;
        // Under its name only when nobody else may open it any more.
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, &path)?;
        listener.set_nonblocking(true)?;
        Ok(Self { path, listener })
    }

    /// Inside a runtime.
    pub(super) fn listener(&self) -> io::Result<UnixListener> {
        UnixListener::from_std(self.listener.try_clone()?)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Serves the control plane there until told to stop.
pub(super) async fn serve(listener: Arc<UnixListener>, plane: ControlPlane, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                #[expect(clippy::disallowed_methods, reason = "a connection is not a job: it ends with its client")]
                tokio::spawn(converse(stream, plane.clone()));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a local connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, plane: ControlPlane) {
    let service = service_fn(move |request| {
        let plane = plane.clone();
        async move { Ok::<_, std::convert::Infallible>(plane.answer(request, Origin::DataDirectory).await) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a local connection ended early");
    }
}

/// The control plane of a data directory, as the command line speaks to it.
pub struct Local {
    requests: SendRequest<Full<Bytes>>,
    /// Where no server runs.
    own: Option<Own>,
    runtime: Runtime,
}

/// A control plane that nobody else can reach.
struct Own {
    state: State,
    _directory: Directory,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Local {
    /// Finds the server that holds the data directory, or does without one.
    pub fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let runtime = control_runtime()?;
        let held = config.data_dir.join(FILE_NAME);
        let Some(directory) = Directory::try_open(&config.data_dir)? else {
            let requests = runtime.block_on(connect(&held))?;
            return Ok(Self { requests, own: None, runtime });
        };
        let storage = startup::open_storage(&config, &directory, clock.now())?.storage;
        let opened = runtime.block_on(startup::load(config, clock, storage, ProviderId::ollama(), &directory))?;
        let plane =
            ControlPlane::new(opened.state.clone(), runtime.handle().clone(), opened.limits, None, Scheme::HTTP);
        let requests = runtime.block_on(async {
            let (ours, theirs) = tokio::io::duplex(PIPE_LEN);
            #[expect(clippy::disallowed_methods, reason = "it ends with the command line")]
            tokio::spawn(converse(theirs, plane));
            shake_hands(ours).await
        })?;
        Ok(Self { requests, own: Some(Own { state: opened.state, _directory: directory }), runtime })
    }

    /// Finds the server that holds the data directory.
    pub fn connect(config: &Config) -> anyhow::Result<Self> {
        let runtime = control_runtime()?;
        let socket = config.data_dir.join(FILE_NAME);
        if !socket.exists() {
            bail!("no server runs on {}", config.data_dir.display());
        }
        let requests = runtime.block_on(connect(&socket))?;
        Ok(Self { requests, own: None, runtime })
    }

    /// Asks one thing.
    pub fn ask(&mut self, method: Method, path: &str, json: Option<String>) -> anyhow::Result<Reply> {
        let Self { requests, runtime, .. } = self;
        runtime.block_on(async {
            let (head, body) = send(requests, method, path, json).await?.into_parts();
            let body = body.collect().await.context("the answer broke off")?.to_bytes();
            Ok(Reply { status: head.status, body })
        })
    }

    /// Asks for something long and hands its parts over as they come. The answer's own body is empty, unless it is a
    /// refusal.
    pub fn fetch(&mut self, path: &str, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> anyhow::Result<Reply> {
        let Self { requests, runtime, .. } = self;
        runtime.block_on(async {
            let (head, mut body) = send(requests, Method::GET, path, None).await?.into_parts();
            if head.status != StatusCode::OK {
                let body = body.collect().await.context("the answer broke off")?.to_bytes();
                return Ok(Reply { status: head.status, body });
            }
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame.context("the answer broke off")?.into_data() {
                    take(&data)?;
                }
            }
            Ok(Reply { status: head.status, body: Bytes::new() })
        })
    }

    /// Writes what is still to be written.
    pub fn close(self) -> anyhow::Result<()> {
        let Self { requests, own, runtime } = self;
        drop(requests);
        let Some(Own { state, _directory }) = own else { return Ok(()) };
        runtime.block_on(async {
            let flushed = flush_at_last(&state).await;
            let closed = state.storage.clone().close().await;
            flushed.context("cannot write the statistics").and(closed.context("cannot close the database"))
        })
    }
}

async fn connect(socket: &Path) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let directory = socket.parent().unwrap_or(socket).display();
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!(
            "the data directory {directory} is in use by a process that cannot be reached at {}: it may be just starting \
             or stopping, or run as another user",
            socket.display()
        )
    })?;
    shake_hands(stream).await
}

async fn shake_hands(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let (requests, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.context("cannot speak to the server")?;
    #[expect(clippy::disallowed_methods, reason = "it ends with the command line")]
    tokio::spawn(async move { drop(connection.await) });
    Ok(requests)
}

async fn send(
    requests: &mut SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    json: Option<String>,
) -> anyhow::Result<Response<Incoming>> {
    let mut request = Request::new(Full::from(json.unwrap_or_default()));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().with_context(|| format!("`{path}` is no path"))?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if requests.ready().await.is_err() {
        bail!("the server has stopped");
    }
    requests.send_request(request).await.context("the server did not answer")
}
