//! Money as a JSON number of dollars.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use spillway_core::Usd;

/// An amount in dollars; reading refuses what is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dollars(pub(super) Usd);

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.dollars())
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        Usd::from_dollars(dollars)
            .map(Dollars)
            .map_err(D::Error::custom)
    }
}
