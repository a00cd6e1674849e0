//! Keystone's tokens and catalogue, and requests that carry the one to an address of the other.

use super::clouds::{self, Cloud};
use crate::config::OpenStackConfig;
use crate::sources::failure::{Failure, FailureKind};
use crate::sources::fetch::{Fetched, Fetcher, success};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Mutex;

/// Largest answer of any service, bytes. A list of 100,000 resource providers has 50 MiB.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// A token is renewed this long before Keystone lets it expire.
const RENEWED_BEFORE: Duration = Duration::from_secs(60);

/// A token whose life cannot be read lives so long; Keystone's own default is an hour.
const ASSUMED_LIFE: Duration = Duration::from_secs(600);

/// A busy service is asked again after these pauses.
const PAUSES_WHEN_BUSY: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// A service of the catalogue, by the types it is known under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service(pub &'static str);

/// Placement.
pub const PLACEMENT: Service = Service("placement");
/// Nova.
pub const COMPUTE: Service = Service("compute");
/// Heat.
pub const ORCHESTRATION: Service = Service("orchestration");

/// Who we are, and the token that says so. Renewed when it is about to expire or was refused.
#[derive(Debug)]
pub struct Keystone {
    cloud: Cloud,
    fetcher: Fetcher,
    /// Held across a renewal, so that many requests renew once.
    session: Mutex<Option<Session>>,
}

/// One request to a service.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// GET or POST.
    pub method: Method,
    /// The service.
    pub service: Service,
    /// Segments of the path behind the service's address; each is escaped.
    pub path: &'a [&'a str],
    /// The query.
    pub query: &'a [(&'a str, &'a str)],
    /// The microversion, as the service's header wants it.
    pub microversion: Option<&'a str>,
    /// A body of JSON.
    pub body: Option<&'a serde_json::Value>,
}

impl<'a> Ask<'a> {
    /// A GET.
    #[must_use]
    pub fn get(service: Service, path: &'a [&'a str]) -> Self {
        Ask {
            method: Method::GET,
            service,
            path,
            query: &[],
            microversion: None,
            body: None,
        }
    }
}

#[derive(Clone)]
struct Session {
    token: HeaderValue,
    renew_at: Instant,
    catalog: Vec<CatalogEntry>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(hidden)")
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    issued_at: String,
    #[serde(default)]
    expires_at: String,
    #[serde(default)]
    catalog: Vec<CatalogEntry>,
}

#[derive(Clone, Deserialize)]
struct CatalogEntry {
    #[serde(rename = "type")]
    service: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, Deserialize)]
struct Endpoint {
    interface: String,
    #[serde(default)]
    region: Option<String>,
    url: String,
}

impl Keystone {
    /// Reads the credentials; nothing is asked yet.
    ///
    /// # Errors
    /// Those of [`clouds::read`], and of the file of certificates.
    pub async fn new(config: &OpenStackConfig, timeout: Duration) -> Result<Self, Failure> {
        let cloud = clouds::read(&config.clouds_file, &config.cloud).await?;
        let fetcher = Fetcher::new(timeout, MAX_ANSWER_BYTES, cloud.ca_file.as_deref())?;
        Ok(Keystone {
            cloud,
            fetcher,
            session: Mutex::new(None),
        })
    }

    /// Asks a service, and reads its JSON.
    ///
    /// # Errors
    /// Those of [`Keystone::send`]; [`FailureKind::Malformed`] when the answer has another shape.
    pub async fn read<T: DeserializeOwned>(&self, ask: &Ask<'_>) -> Result<T, Failure> {
        let (answer, _) = self.read_counted(ask).await?;
        Ok(answer)
    }

    /// As [`Keystone::read`]; says how many bytes the answer had.
    ///
    /// # Errors
    /// Those of [`Keystone::read`].
    pub async fn read_counted<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
    ) -> Result<(T, u64), Failure> {
        let fetched = self.send(ask).await?;
        let answer = serde_json::from_slice(&fetched.body).map_err(|error| {
            // Only the place: the parser's words may hold some of the answer.
            let (line, column) = (error.line(), error.column());
            let detail = format!("another JSON than expected at line {line}, column {column}");
            named(ask, Failure::new(FailureKind::Malformed, detail))
        })?;
        Ok((answer, fetched.body.len() as u64))
    }

    /// Asks a service. A token that is refused is renewed once, and a service that is busy is
    /// asked again, twice.
    ///
    /// # Errors
    /// Any [`Failure`], with the service's name in front.
    pub async fn send(&self, ask: &Ask<'_>) -> Result<Fetched, Failure> {
        let mut session = self.session(None).await?;
        let mut renewed = false;
        let mut pauses = PAUSES_WHEN_BUSY.iter();
        loop {
            let request = self.request(ask, &session)?;
            let fetched = self.fetcher.exchange(request).await;
            let fetched = fetched.map_err(|failure| named(ask, failure))?;
            match fetched.status {
                StatusCode::UNAUTHORIZED if !renewed => {
                    renewed = true;
                    session = self.session(Some(&session.token)).await?;
                }
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
                    if let Some(pause) = pauses.next() =>
                {
                    tokio::time::sleep(*pause).await;
                }
                StatusCode::NOT_FOUND => {
                    let absent = Failure::new(FailureKind::Absent, "is not there");
                    return Err(named(ask, absent));
                }
                status => {
                    success(status).map_err(|failure| named(ask, failure))?;
                    return Ok(fetched);
                }
            }
        }
    }

    fn request(&self, ask: &Ask<'_>, session: &Session) -> Result<RequestBuilder, Failure> {
        let mut url = self.endpoint(ask.service, session)?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(ask.path);
            // Placement answers its versions at the slash only.
            if ask.path.is_empty() {
                segments.push("");
            }
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(ask.query);
        }
        let mut request = match ask.method {
            Method::POST => self.fetcher.post(url),
            _ => self.fetcher.get(url),
        };
        if let Some(microversion) = ask.microversion {
            let value = format!("{} {microversion}", ask.service.0);
            request = request.header("OpenStack-API-Version", value);
        }
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        Ok(request.header(X_AUTH_TOKEN, session.token.clone()))
    }

    fn endpoint(&self, service: Service, session: &Session) -> Result<Url, Failure> {
        let of_service = session
            .catalog
            .iter()
            .filter(|entry| entry.service == service.0)
            .flat_map(|entry| &entry.endpoints);
        let usable: Vec<&Endpoint> = of_service
            .filter(|endpoint| endpoint.interface == self.cloud.interface)
            .filter(|endpoint| match &self.cloud.region {
                Some(region) => endpoint.region.as_ref() == Some(region),
                None => true,
            })
            .collect();
        let (service, interface) = (service.0, &self.cloud.interface);
        let failure = |detail| Err(Failure::new(FailureKind::Absent, detail));
        match usable.as_slice() {
            [] => {
                let region = self.cloud.region.as_deref().unwrap_or("any region");
                failure(format!(
                    "Keystone's catalogue has no {interface} address of {service} in {region}"
                ))
            }
            [first, others @ ..] => {
                if others.iter().any(|other| other.region != first.region) {
                    return failure(format!(
                        "Keystone's catalogue has {service} in several regions; name one with \
                         `region_name` in clouds.yaml"
                    ));
                }
                Url::parse(&first.url).or_else(|_| {
                    failure(format!(
                        "Keystone's catalogue has an address of {service} that is none"
                    ))
                })
            }
        }
    }

    /// The session; a new one when there is none, it is about to expire, or it has the token that
    /// was refused.
    async fn session(&self, refused: Option<&HeaderValue>) -> Result<Session, Failure> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_ref()
            && Instant::now() < session.renew_at
            && refused != Some(&session.token)
        {
            return Ok(session.clone());
        }
        *held = None;
        let session = self.authenticate().await?;
        *held = Some(session.clone());
        Ok(session)
    }

    async fn authenticate(&self) -> Result<Session, Failure> {
        let in_keystone =
            |failure: Failure| Failure::new(failure.kind, format!("Keystone: {}", failure.detail));
        let mut url = self.cloud.auth_url.clone();
        url.set_path(&format!("{}/auth/tokens", url.path()));
        let asked = Instant::now();
        let request = self.fetcher.post(url).json(self.cloud.credentials.body());
        let fetched = self.fetcher.send(request).await.map_err(in_keystone)?;
        let malformed = |detail: &str| in_keystone(Failure::new(FailureKind::Malformed, detail));
        let answer: Answer = serde_json::from_slice(&fetched.body)
            .map_err(|_| malformed("the answer holds no token as of its API v3"))?;
        let mut token = token_header(&fetched.headers)
            .ok_or_else(|| malformed("the answer has no X-Subject-Token"))?;
        token.set_sensitive(true);
        Ok(Session {
            token,
            renew_at: asked + life(&answer.token).saturating_sub(RENEWED_BEFORE),
            catalog: answer.token.catalog,
        })
    }
}

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

fn token_header(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get("x-subject-token").cloned()
}

/// How long a token lives, by Keystone's own clock: ours may be another.
fn life(token: &Token) -> Duration {
    let at = |text: &str| humantime::parse_rfc3339_weak(text).ok();
    let life: Option<Duration> = at(&token.expires_at)
        .zip(at(&token.issued_at))
        .and_then(|(until, from): (SystemTime, SystemTime)| until.duration_since(from).ok());
    life.unwrap_or(ASSUMED_LIFE)
}

fn named(ask: &Ask<'_>, failure: Failure) -> Failure {
    let (service, path) = (ask.service.0, ask.path.join("/"));
    Failure::new(
        failure.kind,
        format!("{service} /{path}: {}", failure.detail),
    )
}
