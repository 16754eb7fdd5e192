//! From what shrinks to a valid world: what would break a rule of the checks is left out.

use super::*;

impl WorldSpec {
    /// The world, its origins below `suffix`.
    pub(crate) fn build(&self, suffix: &Name) -> World {
        let accounts: Vec<AccountId> = (0..self.accounts.len())
            .map(|index| AccountId::new(&format!("acct-{index}")).expect("a well-formed account"))
            .collect();
        let mut world = World { faulty_operator: self.faulty_operator, ..World::default() };
        for (id, spec) in accounts.iter().zip(&self.accounts) {
            let mut settings = AccountSettings::new(id.clone());
            settings.shared_addresses = spec.shared_addresses;
            settings.enforce_dns_only = spec.enforce_dns_only;
            world.accounts.insert(id.clone(), settings);
            if spec.faulty {
                world.faulty_accounts.insert(id.clone());
            }
        }
        for spec in &self.zones {
            let origin = origin(spec.origin, suffix);
            if world.zones.iter().any(|zone| zone.origin == origin) {
                continue;
            }
            let account = accounts[spec.account % accounts.len()].clone();
            let settings = world.accounts.get_mut(&account).expect("every account has settings");
            if spec.paused || !spec.ipv6 {
                let zone = ZoneSettings { ipv6: spec.ipv6, paused: spec.paused, place: None };
                settings.zones.insert(origin.clone(), zone);
            }
            let content = match spec.faulty {
                true => ZoneContent::Faulty,
                false => ZoneContent::Good(Arc::new(spec.build(&origin, suffix))),
            };
            world.zones.push(LoadedZone { origin, account, content });
        }
        self.add_maps(&mut world, &accounts);
        world
    }

    fn add_maps(&self, world: &mut World, accounts: &[AccountId]) {
        world.anycast = self.anycast.map(|(ipv4, ipv6)| AnycastDefaults {
            ipv4: (1..=ipv4).map(|last| Ipv4Addr::new(10, 255, 0, last)).collect(),
            ipv6: (1..=ipv6).map(|last| mapped_ipv6(255, last)).collect(),
            place: place("anycast.toml"),
        });
        for (index, spec) in self.maps.iter().enumerate() {
            let account = accounts[spec.account % accounts.len()].clone();
            let immutable = matches!(spec.level, Level::Immutable);
            let members: Vec<Member> = match &spec.level {
                Level::Zones(zones) => zones
                    .iter()
                    .filter_map(|&at| world.zones.get(at))
                    .filter(|zone| zone.account == account)
                    .map(|zone| Member::Zone(zone.origin.clone()))
                    .collect(),
                Level::Account | Level::Immutable => vec![Member::Account],
            };
            // A map that is immutable is enabled; two enabled ones never hold the same member at one level.
            let enabled = spec.enabled || immutable;
            let members: Vec<Member> = members
                .iter()
                .enumerate()
                .filter(|(at, member)| !members[..*at].contains(member))
                .filter(|(_, member)| !enabled || !is_governed(world, &account, member, immutable))
                .map(|(_, member)| member.clone())
                .collect();
            if immutable && members.is_empty() {
                continue;
            }
            let number = u8::try_from(index + 1).expect("few maps");
            let file = place("maps.toml");
            world.maps.push(Arc::new(AddressMap {
                id: MapId::new(&format!("map-{number}")).expect("a well-formed map"),
                account,
                description: None,
                enabled,
                ipv4: (1..=spec.ipv4).map(|last| Ipv4Addr::new(10, number, 0, last)).collect(),
                ipv6: (1..=spec.ipv6).map(|last| mapped_ipv6(number, last)).collect(),
                memberships: members
                    .into_iter()
                    .map(|member| Membership { member, place: file.clone() })
                    .collect(),
                default_sni: None,
                immutable,
                owner: if immutable { MapOwner::Operator } else { MapOwner::Account },
                place: file,
                address_places: Default::default(),
            }));
        }
    }
}

/// Whether another enabled map of the same level holds the member already.
fn is_governed(world: &World, account: &AccountId, member: &Member, immutable: bool) -> bool {
    world.maps.iter().any(|map| {
        map.enabled
            && map.account == *account
            && map.immutable == immutable
            && map.memberships.iter().any(|membership| membership.member == *member)
    })
}

fn mapped_ipv6(map: u8, last: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, u16::from(map), 0, 0, 0, 0, u16::from(last))
}

fn place(file: &str) -> Place {
    Place::file(&Arc::from(file))
}

fn origin(index: usize, suffix: &Name) -> Name {
    let text = ORIGINS[index % ORIGINS.len()].trim_end_matches('.');
    if text.is_empty() { suffix.clone() } else { Name::parse(text, Some(suffix)).expect("a short origin") }
}

impl Target {
    fn name(&self, suffix: &Name) -> Option<Name> {
        let base = match ORIGINS.get(self.base) {
            Some(_) => origin(self.base, suffix),
            None => name("outside.invalid."),
        };
        under(&self.labels, &base)
    }
}

/// Labels in front of a name; `None` where that is too long.
fn under(labels: &[usize], base: &Name) -> Option<Name> {
    labels.iter().rev().try_fold(base.clone(), |name, &label| name.child(LABELS[label % LABELS.len()])).ok()
}

impl ZoneSpec {
    fn build(&self, origin: &Name, suffix: &Name) -> ZoneData {
        let mut zone = Zone { origin: origin.clone(), records: Vec::new() };
        let mname = name("ns.outside.invalid.");
        let soa = rdata::soa(&mname, &name("admin.outside.invalid."), 2024, self.minimum);
        zone.push(origin.clone(), RrType::SOA, self.soa_ttl, soa, RecordTags::default());
        zone.push(origin.clone(), RrType::NS, 3600, rdata::one_name(&mname), RecordTags::default());
        for spec in &self.records {
            zone.add(spec, suffix);
        }
        zone.drop_proxied_below_cuts();
        let records = zone.records;
        ZoneData { origin: origin.clone(), files: vec!["generated.zone".into()], records }
    }
}

/// A zone while it is built, one record at a time.
struct Zone {
    origin: Name,
    records: Vec<Record>,
}

impl Zone {
    fn add(&mut self, spec: &RecordSpec, suffix: &Name) {
        let Some(owner) = under(&spec.owner, &self.origin) else { return };
        let Some(mut target) = spec.target.name(suffix) else { return };
        if spec.kind == Kind::Cut && spec.variant.is_multiple_of(3) {
            // A name server at or below its own cut, mostly with glue.
            let label = LABELS[usize::from(spec.variant) % LABELS.len()];
            let below = if spec.ttl == 0 { Ok(owner.clone()) } else { owner.child(label) };
            let Ok(below) = below else { return };
            target = below;
        }
        let (rtype, rdata) = spec.data(&target);
        let tags = match rtype {
            RrType::A | RrType::AAAA => RecordTags { proxied: spec.proxied, flatten: false },
            RrType::CNAME => {
                RecordTags { proxied: spec.proxied, flatten: spec.flatten && spec.proxied != Some(true) }
            }
            _ => RecordTags::default(),
        };
        if !self.takes(&owner, rtype, tags) {
            return;
        }
        if spec.kind == Kind::Cut && owner != self.origin && spec.variant % 2 == 1 {
            let ds = rdata::ds(u16::from(spec.variant), spec.variant);
            self.push(owner.clone(), RrType::DS, 3600, ds, RecordTags::default());
        }
        if spec.kind == Kind::Cut && spec.proxied != Some(false) && target.is_at_or_below(&owner) {
            self.add_glue(&target, spec.variant);
        }
        self.push(owner, rtype, spec.ttl, rdata, tags);
    }

    fn add_glue(&mut self, target: &Name, variant: u8) {
        let plain = RecordTags::default();
        if self.takes(target, RrType::A, plain) && variant < 4 {
            self.push(
                target.clone(),
                RrType::A,
                900,
                rdata::a(Ipv4Addr::new(198, 51, 100, variant + 1)),
                plain,
            );
        }
        if self.takes(target, RrType::AAAA, plain) && variant != 3 {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 0x61, 0, 0, 0, 0, u16::from(variant) + 1);
            self.push(target.clone(), RrType::AAAA, 900, rdata::aaaa(address), plain);
        }
    }

    fn types_at(&self, owner: &Name) -> Vec<RrType> {
        self.records.iter().filter(|record| record.owner == *owner).map(|record| record.rtype).collect()
    }

    /// Whether the checks let a record stand beside what is at its owner already.
    fn takes(&self, owner: &Name, rtype: RrType, tags: RecordTags) -> bool {
        let here = self.types_at(owner);
        let at_apex = *owner == self.origin;
        let has = |types: &[RrType]| here.iter().any(|rtype| types.contains(rtype));
        let proxied_cname = self
            .records
            .iter()
            .any(|record| record.owner == *owner && record.rtype == RrType::CNAME && record.is_proxied());
        if has(&[RrType::CNAME]) {
            let excluded = matches!(rtype, RrType::A | RrType::AAAA | RrType::CNAME | RrType::DNAME)
                || (rtype == RrType::NS && !at_apex);
            return (proxied_cname || at_apex) && !excluded;
        }
        match rtype {
            RrType::CNAME if tags.proxied == Some(true) || at_apex => {
                !has(&[RrType::A, RrType::AAAA, RrType::DNAME]) && (at_apex || !has(&[RrType::NS]))
            }
            RrType::CNAME => here.is_empty(),
            RrType::NS => at_apex || !(owner.is_wildcard() || has(&[RrType::DNAME])),
            RrType::DNAME => {
                !owner.is_wildcard() && !has(&[RrType::DNAME]) && (at_apex || !has(&[RrType::NS]))
            }
            _ => true,
        }
    }

    /// Adds a record with the TTL of its set, unless it is there already.
    fn push(&mut self, owner: Name, rtype: RrType, ttl: u32, rdata: Vec<u8>, tags: RecordTags) {
        let same_set = || self.records.iter().filter(|record| record.owner == owner && record.rtype == rtype);
        if same_set().any(|record| record.rdata.eq_ignore_ascii_case(&rdata)) {
            return;
        }
        let ttl = same_set().next().map_or(ttl, |record| record.ttl);
        let line = self.records.len() as u32 + 1;
        self.records.push(Record { owner, rtype, ttl, rdata: rdata.into(), tags, file: 0, line });
    }

    /// Glue is never proxied.
    fn drop_proxied_below_cuts(&mut self) {
        let cuts: Vec<Name> = self
            .records
            .iter()
            .filter(|record| record.rtype == RrType::NS && record.owner != self.origin)
            .map(|record| record.owner.clone())
            .collect();
        self.records.retain(|record| {
            !record.is_proxied() || !cuts.iter().any(|cut| record.owner.is_at_or_below(cut))
        });
    }
}

impl RecordSpec {
    /// Type and RDATA. Addresses of proxied records lie in a range of their own, so that a leak can be seen.
    fn data(&self, target: &Name) -> (RrType, Vec<u8>) {
        let variant = self.variant;
        let proxied = self.proxied == Some(true);
        let text = [b'a' + variant; 3];
        match self.kind {
            Kind::A if proxied => (RrType::A, rdata::a(Ipv4Addr::new(203, 0, 113, variant + 1))),
            Kind::A => (RrType::A, rdata::a(Ipv4Addr::new(192, 0, 2, variant + 1))),
            Kind::Aaaa => {
                let third = if proxied { 0xbad } else { 0x900d };
                let address = Ipv6Addr::new(0x2001, 0xdb8, third, 0, 0, 0, 0, u16::from(variant) + 1);
                (RrType::AAAA, rdata::aaaa(address))
            }
            Kind::Cname => (RrType::CNAME, rdata::one_name(target)),
            Kind::Dname => (RrType::DNAME, rdata::one_name(target)),
            Kind::Cut => (RrType::NS, rdata::one_name(target)),
            Kind::Mx => (RrType::MX, rdata::mx(u16::from(variant), target)),
            Kind::Srv => (RrType::SRV, rdata::srv(1, u16::from(variant), 443, target)),
            Kind::Txt => (RrType::TXT, rdata::txt(&[&text, b"\"quoted\" \\ \xc3\xbc;", &[]])),
            Kind::Svcb => (RrType::SVCB, rdata::svcb(u16::from(variant), target, alpn(variant))),
            Kind::Https => (RrType::HTTPS, rdata::svcb(u16::from(variant), target, alpn(variant))),
            Kind::Caa => (RrType::CAA, rdata::caa(0, "issue", "ca.example")),
            Kind::Unknown => (RrType(65280 + u16::from(variant % 2)), text.to_vec()),
        }
    }
}

/// Parameters of SVCB in service mode; alias mode (priority 0) has none.
fn alpn(priority: u8) -> &'static [(u16, &'static [u8])] {
    if priority == 0 { &[] } else { &[(1, b"\x02h2\x02h3"), (3, &[0x20, 0xfb])] }
}

/// The names worth asking of a world: every owner and target, what is above, beside and below, and strangers.
pub(crate) fn names(world: &World) -> BTreeSet<Name> {
    let mut names =
        BTreeSet::from([name("example."), name("a.b.test."), name("elsewhere.invalid."), Name::root()]);
    for zone in &world.zones {
        names.insert(zone.origin.clone());
        let ZoneContent::Good(data) = &zone.content else { continue };
        for record in &data.records {
            let target = Name::from_wire(&record.rdata).ok();
            for owner in [Some(record.owner.clone()), target].into_iter().flatten() {
                let mut above = Some(owner);
                while let Some(here) = above.filter(|here| here.is_at_or_below(&data.origin)) {
                    names.extend(BESIDE.iter().filter_map(|label| here.child(label).ok()));
                    above = here.parent();
                    names.insert(here);
                }
            }
        }
    }
    names
}
