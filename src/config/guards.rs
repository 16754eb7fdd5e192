//! `[guards]`: how much may be lost at once without anybody's approval.

/// A limit that is exceeded only by what is more than both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Of a hundred.
    pub percent: u32,
    /// At least so many.
    pub floor: u64,
}

impl Share {
    /// Whether `part` of `whole` is more than the share and more than the floor.
    pub fn is_exceeded(self, part: u64, whole: u64) -> bool {
        part > self.floor && u128::from(part) * 100 > u128::from(whole) * u128::from(self.percent)
    }
}

/// The limits. Each is judged by itself; what is added never exceeds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Most names that may stop being proxied.
    pub unproxied_names: u64,
    /// Whether all proxied names of a zone may stop being proxied.
    pub unproxied_zone: bool,
    /// Zones that may go.
    pub zones_gone: Share,
    /// Names that may be answered otherwise, beyond what only gains.
    pub names_changed: Share,
    /// Names that one zone may lose.
    pub zone_names_gone: Share,
    /// Addresses of maps that may leave service.
    pub addresses_gone: Share,
    /// Most zones whose proxied names may lose a family.
    pub zones_losing_family: u64,
    /// Most names that the operator's defaults may answer otherwise.
    pub operator_names: u64,
    /// Most names of whose addresses the ledger may say less than before.
    pub ledger_names: u64,
}

impl Default for Guards {
    fn default() -> Guards {
        Guards {
            unproxied_names: 10,
            unproxied_zone: false,
            zones_gone: Share { percent: 2, floor: 10 },
            names_changed: Share { percent: 10, floor: 1000 },
            zone_names_gone: Share { percent: 50, floor: 50 },
            addresses_gone: Share { percent: 10, floor: 20 },
            zones_losing_family: 10,
            operator_names: 1000,
            ledger_names: 1000,
        }
    }
}
