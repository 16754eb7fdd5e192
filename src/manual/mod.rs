//! The manual: what is answered, how to move here, and what every diagnostic means. The pages lie beside this file as text.

#[doc = include_str!("answers.md")]
pub mod answers {}

#[doc = include_str!("changes.md")]
pub mod changes {}

#[doc = include_str!("compare.md")]
pub mod compare {}

#[doc = include_str!("diagnostics-addrmap.md")]
pub mod diagnostics_addrmap {}

#[doc = include_str!("diagnostics-folders.md")]
pub mod diagnostics_folders {}

#[doc = include_str!("diagnostics-zone.md")]
pub mod diagnostics_zone {}

#[doc = include_str!("proof.md")]
pub mod proof {}

#[doc = include_str!("guards.md")]
pub mod guards {}

#[doc = include_str!("safety.md")]
pub mod safety {}

#[doc = include_str!("ledger.md")]
pub mod ledger {}

#[doc = include_str!("history.md")]
pub mod history {}
