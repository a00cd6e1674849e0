//! A cloud of one server and a table of resource providers.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use spillway_runtime::config::OpenStackConfig;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const PASSWORD: &str = "s3cret";

/// A resource provider of the table.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) uuid: &'static str,
    pub(crate) root: &'static str,
    pub(crate) name: &'static str,
    pub(crate) traits: Vec<&'static str>,
    pub(crate) aggregates: Vec<&'static str>,
    pub(crate) generation: u64,
    pub(crate) total: u64,
    pub(crate) used: u64,
}

impl Provider {
    pub(crate) fn host(uuid: &'static str, total: u64, used: u64) -> Self {
        Provider {
            uuid,
            root: uuid,
            name: uuid,
            traits: Vec::new(),
            aggregates: Vec::new(),
            generation: 1,
            total,
            used,
        }
    }
}

/// What a test sets, and sees.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) providers: Vec<Provider>,
    pub(crate) traits: Vec<&'static str>,
    /// Name, UUID, zone.
    pub(crate) aggregates: Vec<(&'static str, &'static str, Option<&'static str>)>,
    pub(crate) zones: Vec<&'static str>,
    pub(crate) placement_max: &'static str,
    pub(crate) outputs: BTreeMap<&'static str, Value>,
    pub(crate) group: Value,
    /// Seconds that a token lives.
    pub(crate) token_life: u64,
    /// Answers to requests whose path has this text, before the right ones; each is used once.
    pub(crate) faults: VecDeque<(&'static str, StatusCode)>,
    /// Requests whose path has this text are never answered.
    pub(crate) hangs: Option<&'static str>,
    pub(crate) regions: Vec<&'static str>,
    /// Bodies of requests for tokens.
    pub(crate) logins: Vec<Value>,
    /// Method and path with query of every other request.
    pub(crate) requests: Vec<String>,
}

pub(crate) struct Cloud {
    shared: Arc<Mutex<Told>>,
    url: String,
    folder: TempDir,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Serving {
    told: Arc<Mutex<Told>>,
    url: String,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Mutex::new(Told {
            placement_max: "1.39",
            token_life: 3600,
            regions: vec!["RegionOne"],
            ..Told::default()
        }));
        let serving = Serving {
            told: Arc::clone(&shared),
            url: url.clone(),
        };
        let router = Router::new().fallback(answer).with_state(serving);
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves");
        });
        let cloud = Cloud {
            shared,
            url,
            folder: tempfile::tempdir().expect("a folder"),
            task,
        };
        cloud.write_clouds(&format!(
            "    auth:\n      auth_url: {}/identity\n      username: spillway\n      \
             password: {PASSWORD}\n      project_name: service\n      \
             user_domain_name: Default\n      project_domain_name: Default\n    \
             region_name: RegionOne\n",
            cloud.url
        ));
        cloud
    }

    /// Replaces the cloud's entry; `URL` stands for the server's address.
    pub(crate) fn write_clouds(&self, entry: &str) {
        let text = format!("clouds:\n  private:\n{}", entry.replace("URL", &self.url));
        fs::write(self.folder.path().join("clouds.yaml"), text).expect("written");
    }

    pub(crate) fn config(&self) -> OpenStackConfig {
        OpenStackConfig {
            clouds_file: self.folder.path().join("clouds.yaml"),
            cloud: "private".to_owned(),
        }
    }

    pub(crate) fn tell<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        change(&mut self.shared.lock().expect("no panic"))
    }

    /// Requests so far that have that text.
    pub(crate) fn n_requests(&self, text: &str) -> usize {
        self.tell(|told| {
            let requests = told.requests.iter();
            requests.filter(|request| request.contains(text)).count()
        })
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(serving): State<Serving>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20)
        .await
        .unwrap_or_default();
    let target = parts.uri.to_string();
    if target.ends_with("/auth/tokens") {
        return serving.token(&body);
    }
    let hangs = {
        let mut told = serving.told.lock().expect("no panic");
        told.requests.push(format!("{} {target}", parts.method));
        let fault = told.faults.front().copied();
        if let Some((text, status)) = fault
            && target.contains(text)
        {
            told.faults.pop_front();
            return status.into_response();
        }
        told.hangs.is_some_and(|text| target.contains(text))
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    serving.service(
        &parts.method,
        parts.uri.path(),
        parts.uri.query(),
        &parts.headers,
    )
}

impl Serving {
    fn token(&self, body: &Bytes) -> Response {
        let login: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut told = self.told.lock().expect("no panic");
        told.logins.push(login.clone());
        let text = login.to_string();
        if !text.contains(PASSWORD) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let issued = 1_764_000_000;
        let at = |secs: u64| {
            let time = std::time::UNIX_EPOCH + Duration::from_secs(secs);
            humantime::format_rfc3339_micros(time).to_string()
        };
        let entry = |service: &str, path: &str| {
            let endpoints: Vec<Value> = told
                .regions
                .iter()
                .flat_map(|region| {
                    let url = format!("{}{path}", self.url);
                    [
                        json!({"interface": "public", "region": region, "url": url}),
                        json!({"interface": "internal", "region": region, "url": "http://[::1]:1"}),
                    ]
                })
                .collect();
            json!({"type": service, "name": service, "endpoints": endpoints})
        };
        let answer = json!({"token": {
            "methods": ["password"],
            "issued_at": at(issued),
            "expires_at": at(issued + told.token_life),
            "catalog": [
                entry("placement", "/placement"),
                entry("compute", "/compute/v2.1"),
                entry("orchestration", "/heat/v1/0123456789abcdef"),
            ],
        }});
        let token = format!("token-{}", told.logins.len());
        let headers = [("x-subject-token", token)];
        (StatusCode::CREATED, headers, answer.to_string()).into_response()
    }

    fn service(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Response {
        let told = self.told.lock().expect("no panic");
        let token = format!("token-{}", told.logins.len());
        if headers
            .get("x-auth-token")
            .and_then(|value| value.to_str().ok())
            != Some(&token)
        {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let asked = |service: &str, least: &str| {
            let wanted = format!("{service} {least}");
            headers
                .get("openstack-api-version")
                .is_some_and(|value| value == wanted.as_str())
        };
        let query: BTreeMap<String, String> =
            reqwest::Url::parse(&format!("http://h/?{}", query.unwrap_or_default()))
                .expect("a query")
                .query_pairs()
                .into_owned()
                .collect();
        let answer = if let Some(path) = path.strip_prefix("/placement/") {
            if !path.is_empty() && !asked("placement", "1.22") {
                return StatusCode::NOT_ACCEPTABLE.into_response();
            }
            told.placement(path, &query)
        } else if let Some(path) = path.strip_prefix("/compute/v2.1/") {
            if path == "os-aggregates" && !asked("compute", "2.41") {
                return StatusCode::NOT_ACCEPTABLE.into_response();
            }
            told.compute(path)
        } else if let Some(path) = path.strip_prefix("/heat/v1/0123456789abcdef/") {
            if method == Method::POST {
                return StatusCode::OK.into_response();
            }
            told.heat(path, &query)
        } else {
            None
        };
        match answer {
            Some(answer) => answer.to_string().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

impl Told {
    fn placement(&self, path: &str, query: &BTreeMap<String, String>) -> Option<Value> {
        let segments: Vec<&str> = path.split('/').collect();
        let find = |uuid: &str| self.providers.iter().find(|provider| provider.uuid == uuid);
        Some(match segments.as_slice() {
            [""] => json!({"versions": [{"id": "v1.0", "max_version": self.placement_max,
                                         "min_version": "1.0", "status": "CURRENT"}]}),
            ["traits"] => {
                let names = query.get("name")?.strip_prefix("in:")?;
                let known = names.split(',').filter(|name| self.traits.contains(name));
                json!({"traits": known.collect::<Vec<_>>()})
            }
            ["resource_providers"] => {
                let forbidden = query
                    .get("required")
                    .map(String::as_str)
                    .unwrap_or_default();
                let forbidden: Vec<&str> = forbidden
                    .split(',')
                    .filter_map(|name| name.strip_prefix('!'))
                    .collect();
                let members = query.get("member_of").and_then(|of| of.strip_prefix("in:"));
                let listed = self.providers.iter().filter(|provider| {
                    !provider.traits.iter().any(|name| forbidden.contains(name))
                        && members.is_none_or(|members| {
                            members
                                .split(',')
                                .any(|uuid| provider.aggregates.contains(&uuid))
                        })
                });
                let listed: Vec<Value> = listed
                    .map(|provider| {
                        json!({"uuid": provider.uuid, "name": provider.name,
                               "generation": provider.generation, "links": [],
                               "parent_provider_uuid": null,
                               "root_provider_uuid": provider.root})
                    })
                    .collect();
                json!({ "resource_providers": listed })
            }
            ["resource_providers", uuid, "inventories"] => {
                let provider = find(uuid)?;
                json!({"resource_provider_generation": provider.generation, "inventories": {
                    "VCPU": {"total": provider.total, "reserved": 2, "min_unit": 1,
                             "max_unit": 64, "step_size": 1, "allocation_ratio": 1.5}}})
            }
            ["resource_providers", uuid, "usages"] => {
                let provider = find(uuid)?;
                json!({"resource_provider_generation": provider.generation,
                       "usages": {"VCPU": provider.used}})
            }
            _ => return None,
        })
    }

    fn compute(&self, path: &str) -> Option<Value> {
        Some(match path {
            "os-aggregates" => {
                let aggregates = self.aggregates.iter().map(|(name, uuid, zone)| {
                    json!({"id": 1, "name": name, "uuid": uuid, "hosts": [],
                           "availability_zone": zone, "metadata": {}, "deleted": false})
                });
                json!({"aggregates": aggregates.collect::<Vec<_>>()})
            }
            "os-availability-zone" => {
                let zones = self.zones.iter().map(|name| {
                    json!({"zoneName": name, "hosts": null, "zoneState": {"available": true}})
                });
                json!({"availabilityZoneInfo": zones.collect::<Vec<_>>()})
            }
            _ => return None,
        })
    }

    fn heat(&self, path: &str, query: &BTreeMap<String, String>) -> Option<Value> {
        const ID: &str = "c6a1a9d0-0000-4000-8000-0123456789ab";
        let segments: Vec<&str> = path.split('/').collect();
        Some(match segments.as_slice() {
            ["stacks"] => {
                let is_it = query.get("name").is_some_and(|name| name == "web")
                    || query.get("id").is_some_and(|id| id == ID);
                let stack = json!({"stack_name": "web", "id": ID,
                                   "stack_status": "CREATE_COMPLETE"});
                json!({"stacks": if is_it { vec![stack] } else { Vec::new() }})
            }
            ["stacks", "web", ID, "outputs", name] => {
                let value = self.outputs.get(name)?;
                json!({"output": {"output_key": name, "output_value": value, "description": ""}})
            }
            ["stacks", "web", ID, "resources", "group"] => {
                json!({"resource": {"resource_name": "group", "attributes": self.group,
                                    "resource_type": "OS::Heat::AutoScalingGroup"}})
            }
            _ => return None,
        })
    }
}
