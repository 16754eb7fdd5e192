//! Master files of generated zones: our writer and the tests' own, both read back.

use std::collections::BTreeSet;

use portolan::model::{NoFiles, Record, ZoneContent, ZoneData};
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone, zone_text};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::support::text;
use crate::worlds::{FULL, worlds};

/// What was read from its own text is the zone that was written.
#[test]
fn generated_zones_read_back() {
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[0x52; 32]));
    let result = runner.run(&worlds(FULL), |spec| {
        for zone in &spec.build(&Name::root()).zones {
            let ZoneContent::Good(data) = &zone.content else { continue };
            for text in [zone_text(data), text::master_file(data)] {
                let file = "generated.zone".into();
                let options = ReadOptions::default();
                let (read, diagnostics) = read_zone(&file, text.as_bytes(), &data.origin, options, &NoFiles);
                let Some(read) = read else {
                    return Err(TestCaseError::fail(format!("refused: {diagnostics:#?}\n{text}")));
                };
                if plain(&read) != plain(data) {
                    let lost: Vec<_> = plain(data).difference(&plain(&read)).cloned().collect();
                    let new: Vec<_> = plain(&read).difference(&plain(data)).cloned().collect();
                    return Err(TestCaseError::fail(format!("lost {lost:#?}\nnew {new:#?}\n{text}")));
                }
            }
        }
        Ok(())
    });
    if let Err(TestError::Fail(reason, _)) = result {
        panic!("{reason}");
    }
}

/// The records of a zone with their case, as a set. The automatic TTL is one second only where nothing is tagged.
fn plain(zone: &ZoneData) -> BTreeSet<String> {
    let tagged = zone.records.iter().any(|record| record.tags.proxied.is_some());
    let automatic = |ttl: u32| if tagged && ttl == 1 { 300 } else { ttl };
    let line =
        |r: &Record| format!("{} {} {} {:02x?} {:?}", r.owner, automatic(r.ttl), r.rtype, r.rdata, r.tags);
    zone.records.iter().map(line).collect()
}
