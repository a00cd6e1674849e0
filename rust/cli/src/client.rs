//! Asks the sidecar.

use crate::address::Address;
use crate::arguments::Connection;
use crate::failure::Failure;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{RequestBuilder, Url};
use serde_json::Value;
use spillway_runtime::sources::fetch::Fetcher;

/// Largest answer, bytes; a thousand decisions of a hundred servers each have 5 MB.
const MAX_BYTES: u64 = 64 << 20;

/// A connection to the sidecar.
pub(crate) struct Client {
    fetcher: Fetcher,
    address: Address,
}

/// Runs what asks the sidecar: on this thread, since there is nothing to do meanwhile.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

impl Client {
    pub(crate) fn new(connection: &Connection) -> Result<Client, Failure> {
        let address = Address::of(connection)?;
        let ca_file = address.ca_file.as_deref();
        let fetcher = Fetcher::new(address.timeout, MAX_BYTES, ca_file);
        Ok(Client {
            fetcher: fetcher.map_err(Failure::new)?,
            address,
        })
    }

    /// The sidecar's address, for people.
    pub(crate) fn url(&self) -> &str {
        self.address.url.as_str().trim_end_matches('/')
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut url = self.endpoint(&[path])?;
        for (key, value) in query {
            url.query_pairs_mut().append_pair(key, value);
        }
        self.answer(self.fetcher.get(url)).await
    }

    /// What there is of an id; the id may hold anything.
    pub(crate) async fn get_one(&self, path: &str, id: &str) -> Result<Value, Failure> {
        let url = self.endpoint(&[path, id])?;
        self.answer(self.fetcher.get(url)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let url = self.endpoint(&[path])?;
        let request = self.fetcher.post(url);
        let request = request.header(CONTENT_TYPE, "application/json");
        self.answer(request.body(body.to_string())).await
    }

    fn endpoint(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.address.url.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::usage("the sidecar's address has no place for a path"))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        Ok(url)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let request = match &self.address.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        };
        let url = self.url();
        let fetched = self.fetcher.exchange(request).await;
        let fetched = fetched.map_err(|failure| {
            Failure::new(format!(
                "{url}: {failure}; is `spillway run` there? See --url"
            ))
        })?;
        let body = serde_json::from_slice::<Value>(&fetched.body);
        if fetched.status.is_success() {
            return body.map_err(|error| {
                Failure::new(format!("{url}: no answer of a sidecar, but {error}"))
            });
        }
        let text = |key: &str| {
            let body = body.as_ref().ok()?;
            body[key].as_str().map(str::to_owned)
        };
        let mut sentence = match text("error") {
            Some(error) => error,
            None => format!("{url}: answered {}", fetched.status),
        };
        if let Some(expected) = text("expected") {
            sentence.push_str(&format!("; expected {expected}"));
        }
        if fetched.status == reqwest::StatusCode::UNAUTHORIZED {
            sentence.push_str("; see --token-file");
        }
        // From the network, and bound for a terminal.
        Err(Failure::new(crate::output::plain(&sentence)))
    }
}
