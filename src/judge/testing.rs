//! A small world for the tests of this room.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::model::{AccountId, AnycastDefaults, LoadedZone, NoFiles, Place, World, ZoneContent, ZoneData};
use crate::wire::Name;
use crate::zonefile::{ReadOptions, read_zone};

/// Of each kind of name one, below `example.`
pub(super) const ZONE: &str = "\
@ 3600 IN SOA ns.invalid. h. 1 7200 900 1209600 300
@ 3600 IN NS ns.invalid.
www 60 IN A 198.51.100.1 ; cf_tags=cf-proxied:true
alias 60 IN CNAME there.invalid. ; cf_tags=cf-proxied:true
alias 60 IN TXT \"kept\"
plain 60 IN A 192.0.2.1
*.w 60 IN SRV 1 2 3 plain
deep.er 60 IN AAAA 2001:db8::1
sub 60 IN NS ns.sub
ns.sub 60 IN A 192.0.2.2
d 60 IN DNAME else.invalid.
out 60 IN CNAME plain.invalid.
in 60 IN CNAME plain
";

pub(super) fn name(text: &str) -> Name {
    Name::parse(text, Some(&Name::root())).unwrap()
}

/// The zone read as `example.`
pub(super) fn data(text: &str) -> ZoneData {
    let file = "example.zone".into();
    let (zone, found) =
        read_zone(&file, text.as_bytes(), &name("example."), ReadOptions::default(), &NoFiles);
    zone.unwrap_or_else(|| panic!("{found:?}"))
}

/// A world with that zone, if there is one, and one anycast address of each family.
pub(super) fn world(text: &str) -> World {
    let zone = |data| LoadedZone {
        origin: name("example."),
        account: AccountId::default_account(),
        content: ZoneContent::Good(Arc::new(data)),
    };
    let anycast = AnycastDefaults {
        ipv4: vec![Ipv4Addr::new(203, 0, 113, 1)],
        ipv6: vec!["2001:db8::ca".parse().unwrap()],
        place: Place::file(&"main.toml".into()),
    };
    let zones = if text.is_empty() { Vec::new() } else { vec![zone(data(text))] };
    World { zones, anycast: Some(anycast), ..World::default() }
}
