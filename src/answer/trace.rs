//! The turns of a walk, for those who want to know why.

use crate::snapshot::{Node, ZoneEntry};
use crate::wire::NameBuf;

/// Hears of every turn of [`super::resolve`]. On the way of a query it is `()`, which hears nothing.
pub trait Trace<'s> {
    /// One turn; `make` is called only by those who listen.
    fn step(&mut self, make: impl FnOnce() -> Step<'s>);
}

impl<'s> Trace<'s> for () {
    fn step(&mut self, _: impl FnOnce() -> Step<'s>) {}
}

impl<'s> Trace<'s> for Vec<Step<'s>> {
    fn step(&mut self, make: impl FnOnce() -> Step<'s>) {
        self.push(make());
    }
}

/// A turn of the walk.
#[derive(Clone, Debug)]
pub enum Step<'s> {
    /// No zone here holds the name.
    NoZone(NameBuf),
    /// The name is looked up in this zone.
    Zone(NameBuf, &'s ZoneEntry),
    /// The zone is known but cannot be answered from.
    FaultyZone,
    /// The name exists and owns data.
    Exact(Node<'s>),
    /// The name exists only because names below it do.
    EmptyNonTerminal(Node<'s>),
    /// The name is a zone cut.
    AtCut(Node<'s>),
    /// The name lies below this zone cut.
    BelowCut(Node<'s>),
    /// The name lies below this DNAME.
    BelowDname(Node<'s>),
    /// The name does not exist, but this source of synthesis (RFC 4592) does.
    Wildcard(Node<'s>),
    /// Neither the name nor a wildcard exists; this is the closest encloser.
    Missing(Node<'s>),
    /// The name is proxied: addresses come from what governs the zone.
    Proxied(&'s ZoneEntry),
    /// The name is proxied, but a type is asked for that is answered as stored.
    ProxiedStored,
    /// AAAA is not answered for proxied names of this zone.
    Ipv6Off,
    /// An alias leads on to this name.
    Alias(NameBuf),
    /// An alias is answered as the addresses of this name.
    Flatten(NameBuf),
    /// The alias leads to a name that is not served here.
    NotHere,
    /// The alias leads to a zone of another account.
    OtherAccount,
    /// The alias leads to a name that the chain came from.
    Loop,
    /// More aliases than are followed.
    TooManyLinks,
    /// A DNAME would make a name of more than 255 octets.
    NameTooLong,
}
