//! What stands whatever the files say: content that was approved, and what was rolled back.

use std::collections::BTreeMap;

use super::report::PinTold;
use super::state::{Approved, Pin, PinScope};
use crate::model::{AccountId, Unit};

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// By the digest of the content.
    pub(super) approvals: BTreeMap<String, Approved>,
    pub(super) pins: BTreeMap<PinScope, Pin>,
}

impl Standing {
    /// Why a unit is kept as it is, if it was rolled back: by itself, or with everything.
    pub(super) fn pin_of(&self, unit: &Unit) -> Option<(&PinScope, &Pin)> {
        let account = match unit {
            Unit::Account(account) => Some(account.clone()),
            Unit::Zone(_) => Some(AccountId::default_account()),
            Unit::Operator | Unit::Nothing => None,
        };
        let of_account = account.and_then(|account| self.pins.get_key_value(&PinScope::Account(account)));
        of_account.or_else(|| self.pins.get_key_value(&PinScope::Everything))
    }

    /// The pins for people: that of everything first.
    pub(super) fn pins_told(&self) -> Vec<PinTold> {
        let told = |(scope, pin): (&PinScope, &Pin)| PinTold {
            account: match scope {
                PinScope::Everything => None,
                PinScope::Account(account) => Some(account.to_string()),
            },
            generation: pin.generation,
            since: pin.at,
            reason: pin.reason.clone(),
        };
        self.pins.iter().map(told).collect()
    }
}
