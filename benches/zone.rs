//! What reading and compiling one zone costs, by size and kind.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use portolan::compile::{Seed, compile_zone};
use portolan::model::{Files, FoundFile, ZoneData};
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone};

struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str, path: &str) -> Result<FoundFile, String> {
        Err(format!("file not found: {path}"))
    }
}

const LABELS: [&str; 12] =
    ["www", "mail", "api", "app", "cdn", "dev", "img", "vpn", "shop", "static", "ftp", "blog"];

const HEAD: &str = "$ORIGIN z012345.l.test.\n$TTL 3600\n@ SOA ns1 hostmaster 1 3600 900 604800 300\n";

/// One of the many zones of the large workload: ten names with A and AAAA.
fn small() -> String {
    let mut text = format!("{HEAD}@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n");
    for (n, label) in LABELS[..10].iter().enumerate() {
        text.push_str(&format!("{label} A 10.3.12.{n}\n{label} AAAA 2001:db8:0:3039::{n:x}\n"));
    }
    text
}

/// Twelve proxied names.
fn proxied() -> String {
    let mut text = format!("{HEAD}@ NS ns1.example.net.\n@ NS ns2.example.net.\n");
    for (n, label) in LABELS.iter().enumerate() {
        text.push_str(&format!("{label} 1 IN A 10.3.12.{n} ; cf_tags=cf-proxied:true\n"));
    }
    text
}

/// 10,000 names with an address each, every second one proxied.
fn large() -> String {
    let mut text = format!("{HEAD}@ NS ns1\nns1 A 192.0.2.1\n");
    for n in 0..5_000 {
        let octet = n % 256;
        text.push_str(&format!("h{n} 3600 IN A 192.0.2.{octet}\n"));
        text.push_str(&format!("p{n} 1 IN A 192.0.2.{octet} ; cf_tags=cf-proxied:true\n"));
    }
    text
}

fn read(file: &Arc<str>, text: &str, origin: &Name) -> Option<ZoneData> {
    read_zone(file, black_box(text.as_bytes()), origin, ReadOptions::default(), &NoFiles).0
}

fn zones(c: &mut Criterion) {
    let file = "z012345.l.test.zone".into();
    let origin = Name::parse("z012345.l.test.", None).expect("a name");
    let seed = Seed::random();
    for (what, text) in [("10 names", small()), ("12 proxied names", proxied()), ("10,000 names", large())] {
        let data = read(&file, &text, &origin).expect("a good zone");
        let mut group = c.benchmark_group(format!("zone of {what}"));
        group.sample_size(20);
        group.bench_function("read", |b| b.iter(|| read(&file, &text, &origin).is_some()));
        group.bench_function("compile", |b| b.iter(|| compile_zone(black_box(&data), true, &seed)));
        group.finish();
    }
}

criterion_group!(benches, zones);
criterion_main!(benches);
