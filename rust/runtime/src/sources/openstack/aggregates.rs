//! Nova's host aggregates and availability zones, which name what Placement knows by UUID.

use super::keystone::{Ask, COMPUTE, Keystone};
use crate::sources::failure::{Failure, FailureKind};
use serde::Deserialize;

/// The first microversion that gives an aggregate's UUID, of Nova 15.
const MICROVERSION: &str = "2.41";

/// A host aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Aggregate {
    /// Its name.
    pub name: String,
    /// The UUID that Placement knows it by.
    pub uuid: String,
    /// The availability zone that its hosts are in.
    pub availability_zone: Option<String>,
}

#[derive(Deserialize)]
struct Aggregates {
    aggregates: Vec<Aggregate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Zones {
    availability_zone_info: Vec<Zone>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Zone {
    zone_name: String,
}

/// All host aggregates. One request.
///
/// # Errors
/// Those of [`Keystone::read`].
pub async fn aggregates(keystone: &Keystone) -> Result<Vec<Aggregate>, Failure> {
    let path = ["os-aggregates"];
    let ask = Ask {
        microversion: Some(MICROVERSION),
        ..Ask::get(COMPUTE, &path)
    };
    let answer: Aggregates = keystone.read(&ask).await.map_err(|failure| {
        if failure.kind == FailureKind::Malformed {
            let detail = format!("{}; Nova's API {MICROVERSION} is needed", failure.detail);
            return Failure::new(failure.kind, detail);
        }
        failure
    })?;
    Ok(answer.aggregates)
}

/// Names of all availability zones, with that of hosts that no aggregate puts into one. One
/// request.
///
/// # Errors
/// Those of [`Keystone::read`].
pub async fn zones(keystone: &Keystone) -> Result<Vec<String>, Failure> {
    let path = ["os-availability-zone"];
    let answer: Zones = keystone.read(&Ask::get(COMPUTE, &path)).await?;
    let names = answer.availability_zone_info.into_iter();
    Ok(names.map(|zone| zone.zone_name).collect())
}
