//! `clouds.yaml`, as openstacksdk has it; of it what a service account needs.

use crate::sources::failure::{Failure, FailureKind, excerpt};
use reqwest::Url;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// One cloud of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// Keystone's address, with the version at its end.
    pub auth_url: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// Region whose services are meant; `None` when the catalogue has but one.
    pub region: Option<String>,
    /// Which of a service's addresses: `public`, `internal` or `admin`.
    pub interface: String,
    /// Trusted certificates instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Who we are, as the body of a request for a token. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(Value);

impl Credentials {
    /// The body of `POST /v3/auth/tokens`.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// Reads one cloud of a file.
///
/// # Errors
/// [`FailureKind::Unauthorized`]: the file or the cloud is not there, a key is missing, or it asks
/// for what is not done here. The sentence names keys, never values.
pub async fn read(path: &Path, cloud: &str) -> Result<Cloud, Failure> {
    let named = |what: String| {
        let detail = format!("{}: {what}", path.display());
        Failure::new(FailureKind::Unauthorized, detail)
    };
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| named(error.to_string()))?;
    parse(&text, cloud).map_err(named)
}

/// As [`read`], of the file's text; a relative `cacert` is taken as it is.
///
/// # Errors
/// A sentence without any value of the file.
pub fn parse(text: &str, cloud: &str) -> Result<Cloud, String> {
    // The parser's own words may hold a line of the file, and so a password.
    let file: Value = serde_saphyr::from_str(text).map_err(|error| match error.location() {
        Some(at) => format!("no YAML from line {}, column {}", at.line(), at.column()),
        None => "no YAML".to_owned(),
    })?;
    let clouds = file.get("clouds").and_then(Value::as_object);
    let Some(clouds) = clouds else {
        return Err("expected `clouds:` with names under it".to_owned());
    };
    let Some(found) = clouds.get(cloud) else {
        let names: Vec<&str> = clouds.keys().map(String::as_str).collect();
        let names = excerpt(&names.join("`, `"));
        return Err(format!("has no cloud `{cloud}`; there is `{names}`"));
    };
    let Some(cloud) = found.as_object() else {
        return Err(format!("expected keys and values under `{cloud}`"));
    };
    refuse_unchecked_certificates(cloud)?;
    let auth = cloud.get("auth").and_then(Value::as_object);
    let auth = texts(auth.ok_or("expected `auth:` under the cloud")?)?;
    let interface = text_of(cloud, "interface")?.unwrap_or_else(|| "public".to_owned());
    // `publicURL` is how this was written once.
    let interface = interface.trim_end_matches("URL").to_owned();
    if !["public", "internal", "admin"].contains(&interface.as_str()) {
        return Err("`interface` is none of public, internal, admin".to_owned());
    }
    Ok(Cloud {
        auth_url: auth_url(&auth)?,
        credentials: credentials(&auth, text_of(cloud, "auth_type")?.as_deref())?,
        region: text_of(cloud, "region_name")?,
        interface,
        ca_file: text_of(cloud, "cacert")?.map(PathBuf::from),
    })
}

fn refuse_unchecked_certificates(cloud: &Map<String, Value>) -> Result<(), String> {
    let is_off = |value: &Value| {
        matches!(value.as_bool(), Some(false))
            || value
                .as_str()
                .is_some_and(|text| matches!(text.to_lowercase().as_str(), "false" | "no"))
    };
    let is_on = |value: &Value| {
        matches!(value.as_bool(), Some(true))
            || value
                .as_str()
                .is_some_and(|text| matches!(text.to_lowercase().as_str(), "true" | "yes"))
    };
    if cloud.get("verify").is_some_and(is_off) || cloud.get("insecure").is_some_and(is_on) {
        let sentence = "certificates are always checked: instead of `verify: false`, name those \
                        of your own authority with `cacert`";
        return Err(sentence.to_owned());
    }
    Ok(())
}

fn auth_url(auth: &BTreeMap<&str, &str>) -> Result<Url, String> {
    let text = auth.get("auth_url").ok_or("`auth.auth_url` is missing")?;
    let unusable = || "`auth.auth_url` is no http:// or https:// address".to_owned();
    let mut url = Url::parse(text).map_err(|_| unusable())?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
        return Err(unusable());
    }
    let path = url.path().trim_end_matches('/');
    let path = if path.ends_with("/v3") {
        path.to_owned()
    } else {
        format!("{path}/v3")
    };
    url.set_path(&path);
    Ok(url)
}

fn credentials(
    auth: &BTreeMap<&str, &str>,
    auth_type: Option<&str>,
) -> Result<Credentials, String> {
    let by_application_credential = match auth_type {
        Some("v3applicationcredential") => true,
        None | Some("password" | "v3password") => {
            auth_type.is_none() && auth.contains_key("application_credential_secret")
        }
        Some(_) => {
            let sentence = "`auth_type` is none of password, v3password, v3applicationcredential";
            return Err(sentence.to_owned());
        }
    };
    let auth = if by_application_credential {
        application_credential(auth)?
    } else {
        password(auth)?
    };
    Ok(Credentials(json!({ "auth": auth })))
}

fn application_credential(auth: &BTreeMap<&str, &str>) -> Result<Value, String> {
    let secret = auth
        .get("application_credential_secret")
        .ok_or("`auth.application_credential_secret` is missing")?;
    let mut credential = json!({ "secret": secret });
    match (
        auth.get("application_credential_id"),
        auth.get("application_credential_name"),
    ) {
        (Some(id), _) => credential["id"] = json!(id),
        (None, Some(name)) => {
            credential["name"] = json!(name);
            credential["user"] = user(auth)?;
        }
        (None, None) => return Err("`auth.application_credential_id` is missing".to_owned()),
    }
    // The project is the credential's own.
    Ok(json!({
        "identity": {"methods": ["application_credential"], "application_credential": credential}
    }))
}

fn password(auth: &BTreeMap<&str, &str>) -> Result<Value, String> {
    let mut user = user(auth)?;
    user["password"] = json!(auth.get("password").ok_or("`auth.password` is missing")?);
    let project = match (auth.get("project_id"), auth.get("project_name")) {
        (Some(id), _) => json!({ "id": id }),
        (None, Some(name)) => json!({ "name": name, "domain": domain(auth, "project") }),
        (None, None) => return Err("`auth.project_name` is missing".to_owned()),
    };
    Ok(json!({
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": project},
    }))
}

fn user(auth: &BTreeMap<&str, &str>) -> Result<Value, String> {
    match (auth.get("user_id"), auth.get("username")) {
        (Some(id), _) => Ok(json!({ "id": id })),
        (None, Some(name)) => Ok(json!({ "name": name, "domain": domain(auth, "user") })),
        (None, None) => Err("`auth.username` is missing".to_owned()),
    }
}

/// Keystone's domain of those who name none is `default`, by id.
fn domain(auth: &BTreeMap<&str, &str>, of: &str) -> Value {
    let key = |suffix: &str| auth.get(format!("{of}_{suffix}").as_str());
    let shared = |suffix: &str| auth.get(suffix);
    if let Some(id) = key("domain_id") {
        json!({ "id": id })
    } else if let Some(name) = key("domain_name") {
        json!({ "name": name })
    } else if let Some(id) = shared("default_domain_id").or(shared("default_domain")) {
        json!({ "id": id })
    } else if let Some(name) = shared("default_domain_name") {
        json!({ "name": name })
    } else {
        json!({ "id": "default" })
    }
}

fn texts(map: &Map<String, Value>) -> Result<BTreeMap<&str, &str>, String> {
    map.iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| match value.as_str() {
            Some(text) => Ok((key.as_str(), text)),
            None => Err(format!(
                "`auth.{}` is no text; put it into quotes",
                excerpt(key)
            )),
        })
        .collect()
}

fn text_of(cloud: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match cloud.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}` is no text")),
    }
}
