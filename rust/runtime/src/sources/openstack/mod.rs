//! The private cloud's own APIs: who we are to it, where its services are, and how they are asked.

pub mod aggregates;
pub mod clouds;
pub mod keystone;
