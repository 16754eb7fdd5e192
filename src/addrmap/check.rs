//! checks
use crate::model::{Diagnostic, Unit, World};
/// Check.
pub fn check(world: &World) -> Vec<(Unit, Diagnostic)> {
    let _ = world;
    Vec::new()
}
