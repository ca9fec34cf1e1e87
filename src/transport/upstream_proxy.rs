//! The way to an upstream through a proxy of the operator's: HTTP's `CONNECT`, or SOCKS5 (RFC 1928, RFC 1929).
//!
//! Both give a tunnel, through which everything goes as it would directly; TLS is with the upstream and not with the
//! proxy. Names are resolved by the proxy. A proxy that is reached, but leads nowhere, counts as an upstream that cannot
//! be connected to: the two cannot be told apart from here.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;

use base64::Engine as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::endpoint::{HostAddr, Origin};

/// The longest head of an answer that is read from a proxy.
const MAX_HEAD: usize = 8 * 1024;

/// A proxy, as `http://user:password@host:port` or `socks5://…`. What it is shown as has no credentials.
#[derive(PartialEq, Eq)]
pub struct UpstreamProxy {
    protocol: Protocol,
    pub(super) host: HostAddr,
    pub(super) port: u16,
    credentials: Option<Credentials>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http,
    Socks5,
}

#[derive(PartialEq, Eq)]
struct Credentials {
    user: Zeroizing<Vec<u8>>,
    password: Zeroizing<Vec<u8>>,
}

/// Why a text does not name a proxy. The text is not repeated, for it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamProxyError {
    #[error("a proxy has to look like http://host:port or socks5://host:port, with user:password@ before the host")]
    Syntax,
    #[error("the user name and password of a SOCKS5 proxy have to be 1 to 255 bytes long")]
    CredentialsTooLong,
}

/// Why a proxy opened no way to the upstream.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the proxy refused with status {0}")]
    Status(u16),
    #[error("the proxy refused the user name and password, or wants some")]
    Credentials,
    #[error("the proxy could not connect (SOCKS5 reply {0})")]
    Socks5(u8),
    #[error("the proxy's answer is not valid")]
    Malformed,
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::other(refusal)
    }
}

impl UpstreamProxy {
    pub fn parse(text: &str) -> Result<Self, UpstreamProxyError> {
        let url = Url::parse(text).map_err(|_| UpstreamProxyError::Syntax)?;
        let (protocol, default_port) = match url.scheme() {
            "http" => (Protocol::Http, 80),
            "socks5" | "socks5h" => (Protocol::Socks5, 1080),
            _ => return Err(UpstreamProxyError::Syntax),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(UpstreamProxyError::Syntax);
        }
        let host = match url.host() {
            Some(Host::Ipv4(ip)) => HostAddr::Ip(ip.into()),
            Some(Host::Ipv6(ip)) => HostAddr::Ip(ip.into()),
            // Of schemes that are not the web's, addresses are left as they are.
            Some(Host::Domain(name)) if !name.is_empty() => {
                name.parse().map_or_else(|_| HostAddr::Name(name.to_owned()), HostAddr::Ip)
            }
            Some(Host::Domain(_)) | None => return Err(UpstreamProxyError::Syntax),
        };
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let credentials = has_credentials.then(|| Credentials {
            user: decoded(url.username()),
            password: decoded(url.password().unwrap_or_default()),
        });
        let is_sendable = |text: &[u8]| (1..=255).contains(&text.len());
        if protocol == Protocol::Socks5
            && credentials.as_ref().is_some_and(|c| !is_sendable(&c.user) || !is_sendable(&c.password))
        {
            return Err(UpstreamProxyError::CredentialsTooLong);
        }
        Ok(Self { protocol, host, port: url.port().unwrap_or(default_port), credentials })
    }

    /// Has a connection to the proxy lead to the origin.
    pub(super) async fn tunnel(
        &self,
        proxy: &mut (impl AsyncRead + AsyncWrite + Unpin),
        origin: &Origin,
    ) -> io::Result<()> {
        match self.protocol {
            Protocol::Http => self.connect(proxy, origin).await,
            Protocol::Socks5 => self.socks5(proxy, origin).await,
        }
    }

    async fn connect(&self, proxy: &mut (impl AsyncRead + AsyncWrite + Unpin), origin: &Origin) -> io::Result<()> {
        let authority = match &origin.host {
            HostAddr::Ip(ip) => std::net::SocketAddr::new(*ip, origin.port).to_string(),
            HostAddr::Name(name) => format!("{name}:{}", origin.port),
        };
        let mut head = Zeroizing::new(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"));
        if let Some(Credentials { user, password }) = &self.credentials {
            let both = Zeroizing::new([user, &b":"[..], password].concat());
            let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*both));
            head.push_str("Proxy-Authorization: Basic ");
            head.push_str(&encoded);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        proxy.write_all(head.as_bytes()).await?;
        match status(proxy).await? {
            200..=299 => Ok(()),
            407 => Err(Refusal::Credentials.into()),
            status => Err(Refusal::Status(status).into()),
        }
    }

    async fn socks5(&self, proxy: &mut (impl AsyncRead + AsyncWrite + Unpin), origin: &Origin) -> io::Result<()> {
        const VERSION: u8 = 5;
        const NO_CREDENTIALS: u8 = 0;
        const PASSWORD: u8 = 2;
        let method = if self.credentials.is_some() { PASSWORD } else { NO_CREDENTIALS };
        proxy.write_all(&[VERSION, 1, method]).await?;
        match read::<2>(proxy).await? {
            [VERSION, chosen] if chosen == method => {}
            [VERSION, _] => return Err(Refusal::Credentials.into()),
            _ => return Err(Refusal::Malformed.into()),
        }
        if let Some(Credentials { user, password }) = &self.credentials {
            let login = [&[1, length(user)?], &user[..], &[length(password)?], password].concat();
            proxy.write_all(&Zeroizing::new(login)).await?;
            if read::<2>(proxy).await? != [1, 0] {
                return Err(Refusal::Credentials.into());
            }
        }
        let mut request = vec![VERSION, 1, 0];
        match &origin.host {
            HostAddr::Ip(std::net::IpAddr::V4(ip)) => request.extend([&[1][..], &ip.octets()].concat()),
            HostAddr::Ip(std::net::IpAddr::V6(ip)) => request.extend([&[4][..], &ip.octets()].concat()),
            HostAddr::Name(name) => request.extend([&[3, length(name.as_bytes())?], name.as_bytes()].concat()),
        }
        request.extend(origin.port.to_be_bytes());
        proxy.write_all(&request).await?;
        let kind = match read::<4>(proxy).await? {
            [VERSION, 0, _, kind] => kind,
            [VERSION, reply, _, _] => return Err(Refusal::Socks5(reply).into()),
            _ => return Err(Refusal::Malformed.into()),
        };
        // The address that the proxy connects from, which nobody here needs.
        let rest = match kind {
            1 => 4,
            3 => usize::from(proxy.read_u8().await?),
            4 => 16,
            _ => return Err(Refusal::Malformed.into()),
        };
        proxy.read_exact(&mut vec![0; rest + 2]).await.map(drop)
    }
}

/// The status of an answer that has no body, and after which the tunnel begins: not a byte more is read.
async fn status(proxy: &mut (impl AsyncRead + Unpin)) -> io::Result<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(Refusal::Malformed.into());
        }
        head.push(proxy.read_u8().await?);
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut headers);
    let parsed = answer.parse(&head).map_err(|_| Refusal::Malformed)?;
    answer.code.filter(|_| parsed.is_complete()).ok_or_else(|| Refusal::Malformed.into())
}

async fn read<const N: usize>(proxy: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    proxy.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn length(bytes: &[u8]) -> io::Result<u8> {
    u8::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// A part of a URL without its escapes. A percent sign that is none of those stands for itself.
fn decoded(text: &str) -> Zeroizing<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut left = text.as_bytes();
    let mut decoded = Zeroizing::new(Vec::with_capacity(left.len()));
    while let Some((&first, rest)) = left.split_first() {
        let escaped = match left {
            [b'%', high, low, rest @ ..] => digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, rest)),
            _ => None,
        };
        let (byte, rest) = escaped.unwrap_or((first, rest));
        decoded.push(byte);
        left = rest;
    }
    decoded
}

/// By where it is, without the credentials: those who are equal hash alike.
impl Hash for UpstreamProxy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.host, self.port).hash(state);
    }
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, host, port, credentials: _ } = self;
        f.debug_struct("UpstreamProxy")
            .field("protocol", protocol)
            .field("host", host)
            .field("port", port)
            .finish_non_exhaustive()
    }
}
