//! Any text is read without a panic; what is read prints to a text that reads back to the same zone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portolan::model::{NoFiles, ZoneData};
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone, zone_text};

fn read(text: &[u8]) -> Result<ZoneData, String> {
    let origin = Name::parse("a.", None).expect("a name");
    let (zone, found) = read_zone(&"a.zone".into(), text, &origin, ReadOptions::default(), &NoFiles);
    zone.ok_or_else(|| format!("{found:?}"))
}

fuzz_target!(|data: &[u8]| {
    // Most inputs lack the SOA that every zone needs.
    let whole = [b"@ 60 IN SOA n h 1 2 3 4 5\n@ 60 IN NS n.b.\n".as_slice(), data].concat();
    for text in [data, &whole] {
        let Ok(zone) = read(text) else { continue };
        let printed = zone_text(&zone);
        let again = read(printed.as_bytes()).unwrap_or_else(|why| panic!("{printed}\n{why}"));
        let rows = |zone: &ZoneData| -> Vec<_> {
            let mut rows: Vec<_> = zone
                .records
                .iter()
                .map(|record| {
                    (
                        record.owner.to_lower_wire(),
                        record.rtype,
                        record.ttl,
                        record.rdata.to_vec(),
                        record.tags,
                    )
                })
                .map(|(owner, rtype, ttl, rdata, tags)| {
                    (owner, rtype, ttl, rdata, tags.proxied, tags.flatten)
                })
                .collect();
            rows.sort();
            rows
        };
        assert_eq!(rows(&zone), rows(&again), "{printed}");
    }
});
