//! One socket, plain or with TLS, behind one type, and how it comes to be.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::endpoint::{Endpoint, HostAddr};
use super::error::SendError;
use super::tls::TlsRoots;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Connects within `limit`, which covers name resolution, TCP, a proxy and TLS together.
    pub(super) async fn connect(endpoint: &Endpoint, roots: &TlsRoots, limit: Duration) -> Result<Self, SendError> {
        let deadline = Instant::now() + limit;
        let dial = async {
            let origin = endpoint.origin();
            let direct = (&origin.host, origin.port);
            let (host, port) = origin.proxy.as_ref().map_or(direct, |proxy| (&proxy.host, proxy.port));
            let mut tcp = connect_tcp(&addresses(host, port).await?, deadline).await?;
            tcp.set_nodelay(true).map_err(SendError::Connect)?;
            if let Some(proxy) = &origin.proxy {
                proxy.tunnel(&mut tcp, origin).await.map_err(SendError::Connect)?;
            }
            let Some(name) = endpoint.server_name() else { return Ok(Self::Plain(tcp)) };
            let roots = origin.roots.as_ref().unwrap_or(roots);
            let config = roots.config(origin.version).map_err(|error| SendError::Tls(io::Error::other(error)))?;
            let tls = TlsConnector::from(config).connect(name.clone(), tcp).await.map_err(SendError::Tls)?;
            Ok(Self::Tls(Box::new(tls)))
        };
        // Boxed because the handshake's state is large and a connection that is reused needs none of it.
        timeout_at(deadline, Box::pin(dial)).await.unwrap_or(Err(SendError::ConnectTimeout))
    }

    /// Whether the two agreed on HTTP/2 while TLS was established.
    pub(super) fn agreed_on_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    /// Whether an idle connection is still open and has nothing to say.
    ///
    /// Costs no system call: the runtime already knows which sockets became readable while it last waited.
    pub(super) async fn is_quiet(&mut self) -> bool {
        match self {
            Self::Plain(tcp) => {
                matches!(tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // Session tickets may arrive while it is idle, so only decrypted bytes count as unsolicited.
            // Unconstrained, because an exhausted task budget would look like silence.
            Self::Tls(tls) => {
                let probe = std::future::poll_fn(|cx| {
                    let mut byte = [0];
                    let mut byte = ReadBuf::new(&mut byte);
                    Poll::Ready(Pin::new(&mut **tls).poll_read(cx, &mut byte).is_pending())
                });
                tokio::task::unconstrained(probe).await
            }
        }
    }
}

async fn addresses(host: &HostAddr, port: u16) -> Result<Vec<SocketAddr>, SendError> {
    match host {
        HostAddr::Ip(ip) => Ok(vec![SocketAddr::new(*ip, port)]),
        HostAddr::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), port)).await.map_err(SendError::Dns)?;
            Ok(found.collect())
        }
    }
}

/// Tries the addresses in turn. Each gets an equal share of the time that is left, so that one that swallows packets
/// does not keep the next from being tried.
async fn connect_tcp(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, SendError> {
    let mut last = SendError::Dns(io::ErrorKind::NotFound.into());
    let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.saturating_duration_since(Instant::now()) / untried.max(1);
        untried = untried.saturating_sub(1);
        last = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => SendError::Connect(error),
            Err(_) => SendError::ConnectTimeout,
        };
    }
    Err(last)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }
}
