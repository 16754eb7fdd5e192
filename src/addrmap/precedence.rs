//! stub
use crate::model::*;
use crate::wire::Name;
/// x
pub struct Precedence<'w>(&'w World);
/// x
pub enum Chosen<'w> {
    /// x
    Map { source: AddressSource, map: &'w AddressMap },
    /// x
    Anycast(&'w AnycastDefaults),
    /// x
    Nothing(Why),
}
/// x
pub enum Why {
    /// x
    A,
}
impl Why {
    /// x
    pub fn as_str(self) -> &'static str {
        "a"
    }
}
impl<'w> Precedence<'w> {
    /// x
    pub fn new(w: &'w World) -> Self {
        Precedence(w)
    }
    /// x
    pub fn account_level(&self, _: &AccountId) -> Chosen<'w> {
        Chosen::Nothing(Why::A)
    }
    /// x
    pub fn zone_map(&self, _: &AccountId, _: &Name) -> Option<&'w AddressMap> {
        None
    }
}
