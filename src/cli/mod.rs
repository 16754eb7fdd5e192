//! cli

pub mod render;
