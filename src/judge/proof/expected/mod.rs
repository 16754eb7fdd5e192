//! What every question must be answered, read from the model alone, in the order in which the rules say it.
//!
//! Invariant: this is the second opinion. It knows neither how the rest of the house chooses a map nor how it compiles
//! or serves a zone; a test holds the words that must not stand in it.

mod answer;
mod governor;
mod reading;

pub(super) use answer::{End, Expected, Zone, Zones};
pub(super) use governor::{AccountRules, Addresses, Governor, Rules, parent};
pub(super) use reading::{Located, Number, Reading};

#[cfg(test)]
mod tests {
    #[test]
    fn the_second_opinion_does_not_ask_the_first() {
        let texts = [include_str!("answer.rs"), include_str!("governor.rs"), include_str!("reading.rs")];
        for text in texts {
            for first in ["addrmap", "precedence", "compile", "snapshot", "crate::answer", "explain"] {
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let found: Vec<&str> = code.filter(|line| line.contains(first)).collect();
                assert!(found.is_empty(), "{first}: {found:?}");
            }
        }
    }
}
