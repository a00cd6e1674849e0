//! What a gate or a signal speaks for.

/// What a gate or a signal speaks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole private cloud.
    Cloud,
    /// One availability zone.
    Zone(String),
    /// One host aggregate.
    Aggregate(String),
}

impl Scope {
    /// Reads `cloud`, `zone:NAME` or `aggregate:NAME`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Scope> {
        match text.split_once(':') {
            None if text == "cloud" => Some(Scope::Cloud),
            Some(("zone", name)) if !name.is_empty() => Some(Scope::Zone(name.to_owned())),
            Some(("aggregate", name)) if !name.is_empty() => {
                Some(Scope::Aggregate(name.to_owned()))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Cloud => write!(f, "cloud"),
            Scope::Zone(name) => write!(f, "zone:{name}"),
            Scope::Aggregate(name) => write!(f, "aggregate:{name}"),
        }
    }
}
