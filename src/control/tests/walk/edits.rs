//! Edits by chance.

use super::model::{Content, Fault, Slot, Who, Zone};

/// splitmix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A zone at first.
pub(super) fn zone(slots: usize, dice: &mut Dice) -> Zone {
    let slots = (0..slots).map(|at| match (at, dice.below(4)) {
        (0, _) => Slot::Proxied,
        (_, 0) => Slot::Absent,
        (_, 1) => Slot::Plain(at as u8 + 1),
        _ => Slot::Proxied,
    });
    Zone { version: 0, slots: slots.collect() }
}

/// Another content of the operator's files, and what it is.
pub(super) fn edit_operator(content: &mut Content, dice: &mut Dice) -> String {
    match dice.below(6) {
        0 | 1 => {
            let new = dice.below(9) as u8 + 1 + if dice.one_in(3) { 100 } else { 0 };
            content.addresses.insert(new);
            format!("one more default: {new}")
        }
        2 => {
            content.addresses = (0..2).map(|_| dice.below(9) as u8 + 1).chain([101]).collect();
            format!("defaults {:?}", content.addresses)
        }
        3 => {
            content.kept = dice.below(8) as u8;
            format!("{} addresses in the immutable map", content.kept)
        }
        4 => {
            content.approvals.clear();
            "no approvals".to_owned()
        }
        _ => {
            content.fault = Some(Fault::Syntax);
            "broken".to_owned()
        }
    }
}

/// Another content of an account or a zone, and what it is.
pub(super) fn edit_account(who: Who, content: &mut Content, version: u32, dice: &mut Dice) -> String {
    let has_map = matches!(who, Who::Acme | Who::Globex);
    let at = dice.below(content.zones.len());
    let what = dice.below(12);
    match what {
        9 if has_map => {
            let new = dice.below(20) as u8 + 1;
            match dice.below(3) {
                0 if who == Who::Acme => content.addresses.clear(),
                1 => drop(content.addresses.insert(new)),
                _ => content.addresses = [new, 100 + new].into(),
            }
            return format!("a map of {:?}", content.addresses);
        }
        10 => {
            content.zones[at] = match content.zones[at] {
                Some(_) => None,
                None => Some(Zone { version, ..zone(who.zones()[at].1, dice) }),
            };
            return format!("zone {at} is there: {}", content.zones[at].is_some());
        }
        11 => {
            let faults: &[Fault] = match who {
                Who::Acme => &[Fault::Syntax, Fault::Ineligible],
                Who::Globex => &[Fault::Syntax, Fault::Ineligible, Fault::Assertion],
                _ => &[Fault::Syntax],
            };
            if has_map || content.zones[0].is_some() {
                content.fault = Some(*dice.of(faults));
            }
            return format!("fault {:?}", content.fault);
        }
        _ => {}
    }
    let Some(zone) = &mut content.zones[at] else {
        content.zones[at] = Some(Zone { version, ..zone(who.zones()[at].1, dice) });
        return format!("zone {at} comes back");
    };
    zone.version = version;
    let count = zone.slots.len();
    let plain = Slot::Plain(dice.below(200) as u8 + 1);
    match what {
        0 | 1 => {
            let slot = dice.below(count);
            zone.slots[slot] = *dice.of(&[Slot::Absent, Slot::Proxied, plain]);
            format!("one name of zone {at}")
        }
        2 => {
            let absent = zone.slots.iter().position(|slot| *slot == Slot::Absent);
            if let Some(absent) = absent {
                zone.slots[absent] = *dice.of(&[Slot::Proxied, plain]);
            }
            format!("one name more in zone {at}")
        }
        3 | 4 => {
            for _ in 0..2 {
                let slot = dice.below(count);
                zone.slots[slot] = Slot::Absent;
            }
            format!("a leak from zone {at}")
        }
        5 => {
            for slot in &mut zone.slots {
                if dice.below(3) > 0 {
                    *slot = *dice.of(&[Slot::Absent, plain]);
                }
            }
            format!("most of zone {at}")
        }
        6 => {
            let exposed = zone.slots.iter_mut().filter(|slot| **slot == Slot::Proxied);
            exposed.for_each(|slot| *slot = plain);
            format!("nothing of zone {at} is proxied")
        }
        7 => {
            zone.slots.iter_mut().for_each(|slot| *slot = Slot::Absent);
            format!("nothing is left in zone {at}")
        }
        _ => format!("the version of zone {at}"),
    }
}
