//! Reading: the view and its parts as JSON.

use super::Answering;
use crate::view::{BurstHostView, GateView, OfferView, SignalView, SourceView, View};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
pub(super) struct Signals {
    signals: Vec<SignalView>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Gates {
    gates: Vec<GateView>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Sources {
    sources: Vec<SourceView>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Offers {
    offers: Vec<OfferView>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct BurstHosts {
    burst_hosts: Vec<BurstHostView>,
}

pub(super) async fn status(State(state): State<Answering>) -> Json<View> {
    Json(View::clone(&newest(&state)))
}

pub(super) async fn signals(State(state): State<Answering>) -> Json<Signals> {
    let signals = newest(&state).signals.clone();
    Json(Signals { signals })
}

pub(super) async fn gates(State(state): State<Answering>) -> Json<Gates> {
    let gates = newest(&state).gates.clone();
    Json(Gates { gates })
}

pub(super) async fn sources(State(state): State<Answering>) -> Json<Sources> {
    let sources = newest(&state).sources.clone();
    Json(Sources { sources })
}

pub(super) async fn offers(State(state): State<Answering>) -> Json<Offers> {
    let view = newest(&state);
    let hosts = view.burst_hosts.iter();
    let offers = hosts.flat_map(|host| host.offers.clone()).collect();
    Json(Offers { offers })
}

pub(super) async fn burst_hosts(State(state): State<Answering>) -> Json<BurstHosts> {
    let burst_hosts = newest(&state).burst_hosts.clone();
    Json(BurstHosts { burst_hosts })
}

fn newest(state: &Answering) -> Arc<View> {
    Arc::clone(&state.view.borrow())
}
