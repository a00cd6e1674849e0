//! Where the sidecar is, and what it wants to see.

use crate::arguments::Connection;
use crate::failure::Failure;
use reqwest::Url;
use reqwest::header::HeaderValue;
use spillway_runtime::config::Config;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a sidecar listens when its policy file does not say otherwise.
const DEFAULT: &str = "http://127.0.0.1:9650";

/// Largest token file, bytes.
const MAX_TOKEN_BYTES: u64 = 16 << 10;

/// A sidecar.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) url: Url,
    /// `Bearer TOKEN`; its `Debug` hides it.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

impl Address {
    pub(crate) fn of(connection: &Connection) -> Result<Address, Failure> {
        let mut token_file = connection.token_file.clone();
        let url = match (&connection.url, &connection.config) {
            (Some(url), _) => read_url(url)?,
            (None, Some(path)) => {
                let config = Config::load(path).map_err(Failure::bad_config)?;
                token_file = token_file.or(config.sidecar.token_file);
                url_of(config.sidecar.listen, config.sidecar.tls.is_some())?
            }
            (None, None) => read_url(DEFAULT)?,
        };
        let authorization = token_file.as_deref().map(authorization).transpose()?;
        if authorization.is_some() && url.scheme() != "https" && !is_loopback(&url) {
            return Err(Failure::usage(format!(
                "{url} would get the token in plain text; expected an https:// address"
            )));
        }
        Ok(Address {
            url,
            authorization,
            ca_file: connection.ca_file.clone(),
            timeout: connection.timeout,
        })
    }
}

/// What was given may hold a password, so it is never shown before that is known.
fn read_url(text: &str) -> Result<Url, Failure> {
    let expected = "expected an address such as https://spillway.example:9650";
    let url = Url::parse(text)
        .map_err(|error| Failure::usage(format!("the sidecar's address: {error}; {expected}")))?;
    let has_userinfo = !url.username().is_empty() || url.password().is_some();
    if has_userinfo {
        return Err(Failure::usage(
            "the sidecar's address has a user or a password; its token goes into --token-file",
        ));
    }
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
        return Err(Failure::usage(format!(
            "{url} is no address of a sidecar; {expected}"
        )));
    }
    Ok(url)
}

/// Whoever listens everywhere is asked here.
fn url_of(listen: SocketAddr, tls: bool) -> Result<Url, Failure> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let scheme = if tls { "https" } else { "http" };
    read_url(&format!(
        "{scheme}://{}",
        SocketAddr::new(ip, listen.port())
    ))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || ip.is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn authorization(path: &Path) -> Result<HeaderValue, Failure> {
    let unusable = |what: &dyn std::fmt::Display| {
        Failure::new(format!("{}: {what}; expected a token", path.display()))
    };
    let length = fs::metadata(path).map_err(|error| unusable(&error))?.len();
    if length > MAX_TOKEN_BYTES {
        return Err(unusable(&format_args!(
            "longer than {MAX_TOKEN_BYTES} bytes"
        )));
    }
    let text = fs::read_to_string(path).map_err(|error| unusable(&error))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(unusable(&"the file is empty"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| unusable(&"more than one line, or no plain text"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: &str) -> Connection {
        Connection {
            url: Some(url.to_owned()),
            config: None,
            token_file: None,
            ca_file: None,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_showing_it() {
        for url in [
            "http://operator:s3cret@10.0.0.1/",
            "http://s3cret@10.0.0.1/",
        ] {
            let failure = Address::of(&connection(url)).unwrap_err().to_string();
            assert!(failure.contains("--token-file"), "{failure}");
            assert!(!failure.contains("s3cret"), "{failure}");
        }
        let failure = Address::of(&connection("http://s3cret@[/")).unwrap_err();
        assert!(!failure.to_string().contains("s3cret"), "{failure}");
    }

    #[test]
    fn a_token_goes_over_tls_or_stays_on_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "s3cret\n").unwrap();
        let address = |url: &str| {
            Address::of(&Connection {
                token_file: Some(path.clone()),
                ..connection(url)
            })
        };
        for good in [
            "https://s.example",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost",
        ] {
            let address = address(good).unwrap();
            assert!(!format!("{address:?}").contains("s3cret"), "{address:?}");
        }
        let failure = address("http://10.0.0.1:9650").unwrap_err().to_string();
        assert!(
            failure.contains("https://") && !failure.contains("s3cret"),
            "{failure}"
        );
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_this_machine() {
        let url = |listen: &str, tls| url_of(listen.parse().unwrap(), tls).unwrap().to_string();
        assert_eq!(url("0.0.0.0:9650", true), "https://127.0.0.1:9650/");
        assert_eq!(url("[::]:9650", false), "http://[::1]:9650/");
        assert_eq!(url("10.0.0.1:80", true), "https://10.0.0.1:80/");
    }
}
