//! What the tests of this room ask of: the zones that the repository ships as an example.

use std::path::Path;
use std::sync::Arc;

use crate::compile::compile;
use crate::control::{Sources, load};
use crate::snapshot::Snapshot;
use crate::wire::{Name, RrType};

/// The example's world.
pub(super) fn snapshot() -> Arc<Snapshot> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = Sources { zones: root.join("zones"), addrmaps: root.join("addrmaps") };
    let Ok(loaded) = load(&sources) else { panic!("the example cannot be read") };
    Arc::new(compile(&loaded.world, 1).snapshot)
}

/// Plain queries of every kind: proxied and not, by a wildcard, along links, to other zones, in vain; with EDNS and
/// without. The second octet is the number.
pub(super) fn queries() -> Vec<Vec<u8>> {
    let questions = [
        ("www.shop.example.", RrType::A),
        ("WWW.shop.example.", RrType::AAAA),
        ("any.users.shop.example.", RrType::AAAA),
        ("www.shop.example.", RrType::HTTPS),
        ("shop.example.", RrType::MX),
        ("partner.brand.example.", RrType::A),
        ("store.brand.example.", RrType::A),
        ("legacy.example.", RrType::A),
        ("blog.shop.example.", RrType::NS),
        ("missing.shop.example.", RrType::A),
        ("shop.example.", RrType::ANY),
        ("elsewhere.", RrType::A),
    ];
    let of = |(number, (name, rtype)): (usize, (&str, RrType))| {
        let edns = number % 2 == 0;
        let mut packet = vec![0x12, number as u8, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
        packet.extend(Name::parse(name, None).unwrap().as_wire());
        packet.extend([rtype.0.to_be_bytes(), [0, 1]].concat());
        if edns {
            packet.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        }
        packet
    };
    questions.into_iter().chain(questions.into_iter().rev()).enumerate().map(of).collect()
}
