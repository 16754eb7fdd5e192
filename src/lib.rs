//! Portolan: an authoritative DNS server that answers *proxied* names from *address maps*.

pub mod addrmap;
pub mod answer;
pub mod api;
pub mod cli;
pub mod compile;
pub mod config;
pub mod control;
pub mod judge;
pub mod model;
pub mod server;
pub mod snapshot;
pub mod telemetry;
pub mod wire;
pub mod zonefile;
