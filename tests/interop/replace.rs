//! `portolan compare` against the servers that it is meant for.

use std::fs;
use std::path::Path;
use std::process::Command;

use portolan::model::{NoFiles, ZoneData};
use portolan::zonefile::{ReadOptions, read_zone};

use crate::servers;
use crate::support::name;

/// What every server reads, with the tags that only one understands.
const ZONE: &str = "\
@ 3600 IN SOA ns1 h 7 7200 900 1209600 300
@ 3600 IN NS ns1
@ 3600 IN MX 10 mail
ns1 3600 IN A 192.0.2.53
www 60 IN A 198.51.100.1 ; cf_tags=cf-proxied:true
shop 60 IN CNAME www ; cf_tags=cf-proxied:true
mail 60 IN A 192.0.2.25
mail 60 IN AAAA 2001:db8::25
docs 60 IN CNAME mail
away 60 IN CNAME www.other.example.
*.apps 60 IN A 192.0.2.26
*.apps 60 IN SRV 1 2 3 mail
deep.er.still 60 IN TXT \"x\"
sub 60 IN NS ns.sub
ns.sub 60 IN A 192.0.2.27
old 60 IN DNAME new.example.
_25._tcp.mail 60 IN TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
@ 60 IN CAA 0 issue \"ca.example\"
";
const OTHER: &str = "\
@ 3600 IN SOA ns1 h 7 7200 900 1209600 300
@ 3600 IN NS ns1
ns1 3600 IN A 192.0.2.53
www 60 IN A 192.0.2.80
";

fn read(origin: &str, text: &str) -> ZoneData {
    let file = "zone".into();
    let (zone, found) = read_zone(&file, text.as_bytes(), &name(origin), ReadOptions::default(), &NoFiles);
    zone.unwrap_or_else(|| panic!("{found:?}"))
}

/// Runs `compare`: its exit code and what it told.
fn compare(folder: &Path, server: &servers::Server) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.arg("compare").arg(format!("@{}", server.address)).current_dir(folder);
    let output = command.output().expect("the binary runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

#[test]
#[ignore = "needs NSD, Knot and BIND: tests/interop/run.sh"]
fn what_is_not_proxied_is_answered_as_by_the_server_that_is_replaced() {
    let texts = format!(
        "{ZONE}{}",
        (0..8).map(|n| format!("large 60 IN TXT \"{n}{}\"\n", "x".repeat(250))).collect::<String>()
    );
    let zones = [read("shop.example.", &texts), read("other.example.", OTHER)];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write =
        |path: &str, text: &str| fs::write(folder.path().join(path), text).expect("a file can be written");
    for tree in ["zones/a", "zones/b", "addrmaps"] {
        fs::create_dir_all(folder.path().join(tree)).expect("a folder can be made");
    }
    write("addrmaps/main.toml", "[anycast]\nipv4 = [\"203.0.113.1\"]\nipv6 = [\"2001:db8::1\"]\n");
    write("zones/a/shop.example.zone", &texts);
    // Of another account: an alias that leads here is not followed, by some servers it is.
    write("zones/b/other.example.zone", OTHER);
    for server in servers::peers(&[&zones[0], &zones[1]]) {
        write("zones/a/shop.example.zone", &texts);
        let (code, told) = compare(folder.path(), &server);
        println!("== {}\n{told}", server.name);
        assert_eq!(code, Some(0), "{}: {told}", server.name);
        assert!(told.contains("proxied: answered from a map"), "{}: {told}", server.name);
        write("zones/a/shop.example.zone", &texts.replace("192.0.2.25", "192.0.2.99"));
        let (code, told) = compare(folder.path(), &server);
        assert_eq!(code, Some(1), "{}: {told}", server.name);
        assert!(
            told.contains("    mail.shop.example. A\n        server  NOERROR aa 60 A 192.0.2.25\n"),
            "{told}"
        );
    }
}
