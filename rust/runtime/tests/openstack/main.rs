//! The sources `placement` and `heat` against a server that answers as Keystone, Nova, Placement
//! and Heat do by their API references, and behaves badly when a test says so. The real ones are
//! asked in `tests/cloud`.
#![allow(missing_docs)]

mod cloud;
mod credentials;
mod heard;
mod heat;
mod placement;
