//! The sources that speak HTTP, against real servers that hang, drip, lie and break off. Each
//! attack has to end in a failure of the right kind within the time limit, and nothing else may
//! notice.
#![allow(missing_docs)]

mod burst_hosts;
mod heard;
mod many;
mod pages;
mod promql;
mod scrape;
mod server;
mod tls;
mod tokens;
