//! Who may ask.
//!
//! On a loopback address whoever is on the machine may, unless there is a token; what has to be
//! kept out there are other sites' pages in a browser on the machine. They could point a name of
//! theirs at 127.0.0.1 (so the `Host` has to be a loopback one) or send a form here (so a POST has
//! to be JSON and from our own page). Everywhere else TLS and a token are required: the
//! certificate then says which names are ours, and the token who may ask.

use super::reply::Problem;
use crate::config::SidecarConfig;
use crate::file_identity::FileIdentity;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What needs no token: it says nothing but whether the process works.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/readyz"];
/// Largest token file, bytes. A token of 256 bits has 64 as hexadecimal digits.
const MAX_TOKEN_BYTES: u64 = 4_096;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(super) struct Access {
    listen: SocketAddr,
    tls: bool,
    token: Option<TokenFile>,
}

impl Access {
    pub(super) fn new(config: &SidecarConfig) -> io::Result<Self> {
        let token = config.token_file.clone().map(TokenFile::open).transpose()?;
        Ok(Access {
            listen: config.listen,
            tls: config.tls.is_some(),
            token,
        })
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        let headers = request.headers();
        let host = host(headers)?;
        if !self.is_ours(&host) {
            let error = format!("this server is not known as {}", host.host());
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, error)
                .expecting("a loopback address or localhost in the header Host"));
        }
        if !OPEN_PATHS.contains(&request.uri().path())
            && let Some(token) = &self.token
        {
            token.check(headers)?;
        }
        if request.method() == Method::POST {
            from_our_own_page(headers, &host)?;
            is_json(headers)?;
        }
        Ok(())
    }

    fn is_ours(&self, host: &Authority) -> bool {
        // The certificate has the names, and a browser holds the server to them.
        if self.tls {
            return true;
        }
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        match name.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address == self.listen.ip(),
            Err(_) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

/// Lets a request through or answers why not.
pub(super) async fn guard(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    match access.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            let mut response = problem.into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                // One header each, since Chromium takes only the first scheme of a header. It knows
                // Basic and asks for it; the token is its password.
                for challenge in ["Basic realm=\"spillway\"", "Bearer realm=\"spillway\""] {
                    let challenge = HeaderValue::from_static(challenge);
                    response
                        .headers_mut()
                        .append(header::WWW_AUTHENTICATE, challenge);
                }
            }
            response
        }
    }
}

fn host(headers: &HeaderMap) -> Result<Authority, Problem> {
    let mut values = headers.get_all(header::HOST).iter();
    let only = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().and_then(|text| text.parse().ok()),
        _ => None,
    };
    only.ok_or_else(|| {
        Problem::malformed(
            "the header Host is not one name or address",
            "Host: NAME:PORT",
        )
    })
}

fn from_our_own_page(headers: &HeaderMap, host: &Authority) -> Result<(), Problem> {
    let origin = headers.get(header::ORIGIN).map(|value| {
        let text = value.to_str().unwrap_or_default();
        let authority = text
            .split_once("://")
            .map_or("", |(_, authority)| authority);
        authority.eq_ignore_ascii_case(host.as_str())
    });
    let site = headers
        .get(SEC_FETCH_SITE)
        .map(|value| value == "same-origin" || value == "none");
    if origin == Some(false) || site == Some(false) {
        let error = "another site's page sent this";
        return Err(Problem::new(StatusCode::FORBIDDEN, error)
            .expecting("no header Origin, or the one of this server"));
    }
    Ok(())
}

/// A page of another site can send a form without asking us first, but not JSON.
fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE);
    let kind = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "the body is not said to be JSON",
    )
    .expecting("Content-Type: application/json"))
}

/// The token of a file, read again when the file changed. Only its digest is kept.
struct TokenFile {
    path: PathBuf,
    /// Held while the file is looked at, which is short and never across an await.
    kept: Mutex<Kept>,
}

struct Kept {
    identity: Option<FileIdentity>,
    digest: Option<[u8; 32]>,
}

impl TokenFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let (identity, digest) = read_token(&path)
            .map_err(|error| io::Error::new(error.kind(), token_error(&path, &error)))?;
        Ok(TokenFile {
            path,
            kept: Mutex::new(Kept {
                identity: Some(identity),
                digest: Some(digest),
            }),
        })
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let digest = self.digest()?;
        let offered = offered(headers).map(|token| <[u8; 32]>::from(Sha256::digest(token)));
        if offered.is_some_and(|offered| equal(&offered, &digest)) {
            return Ok(());
        }
        let error = match offered {
            Some(_) => "the token is not the right one",
            None => "a token is needed",
        };
        Err(Problem::new(StatusCode::UNAUTHORIZED, error)
            .expecting("Authorization: Bearer TOKEN, or any user with the token as password"))
    }

    /// Digest of the token as the file has it now. A file that cannot be read lets nobody in.
    fn digest(&self) -> Result<[u8; 32], Problem> {
        let now = fs::metadata(&self.path).map(|metadata| FileIdentity::of(&metadata));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = now.is_ok_and(|now| kept.identity == Some(now));
        if !unchanged || kept.digest.is_none() {
            match read_token(&self.path) {
                Ok((identity, digest)) => {
                    tracing::info!("The token was read again.");
                    kept.identity = Some(identity);
                    kept.digest = Some(digest);
                }
                Err(error) => {
                    // Said once, not at every request.
                    if kept.digest.take().is_some() {
                        let error = token_error(&self.path, &error);
                        tracing::error!(error, "Every request is refused.");
                    }
                }
            }
        }
        kept.digest.ok_or_else(|| {
            let error = "the server cannot read its token file and refuses every request";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, error)
        })
    }
}

fn token_error(path: &Path, error: &io::Error) -> String {
    format!("the token file {} cannot be used: {error}", path.display())
}

fn read_token(path: &Path) -> io::Result<(FileIdentity, [u8; 32])> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let identity = FileIdentity::of(&file.metadata()?);
    let mut text = String::new();
    file.take(MAX_TOKEN_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TOKEN_BYTES {
        let error = format!("longer than {MAX_TOKEN_BYTES} bytes");
        return Err(io::Error::other(error));
    }
    let token = text.trim();
    if token.is_empty() {
        return Err(io::Error::other("empty"));
    }
    Ok((identity, Sha256::digest(token).into()))
}

/// The token that came with a request.
fn offered(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASE64.decode(rest).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        return Some(decoded[colon + 1..].to_vec());
    }
    None
}

/// Compares in a time that does not depend on where two digests differ.
fn equal(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let differences = left.iter().zip(right).fold(0, |all, (l, r)| all | (l ^ r));
    std::hint::black_box(differences) == 0
}
