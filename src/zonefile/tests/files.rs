//! `$INCLUDE`.

use super::*;

fn with(master: &str, files: &[(&str, &str)]) -> (Option<ZoneData>, Vec<String>) {
    let file: Arc<str> = "m".into();
    let text = format!("{HEAD}{master}");
    let (zone, diagnostics) =
        read_zone(&file, text.as_bytes(), &origin(), ReadOptions::default(), &Memory::with(files));
    let said = diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.place.file, line(diagnostic)));
    (zone, said.collect())
}

#[test]
fn origin_ttl_and_owner_do_not_leak_out_of_an_include() {
    let (zone, said) = with(
        "a 60 TXT x\n$INCLUDE \"inc\" sub\n TXT back\nb TXT y\n$include inc\n",
        &[("inc", " TXT first\n$TTL 7\n$ORIGIN deep\nc TXT z\n")],
    );
    assert_eq!(said, Vec::<String>::new());
    let zone = zone.unwrap();
    assert_eq!(
        records(&zone)[2..],
        [
            "a.example.com. 60 TXT \"x\"",
            "a.example.com. 60 TXT \"first\"",
            "c.deep.sub.example.com. 7 TXT \"z\"",
            "a.example.com. 60 TXT \"back\"",
            "b.example.com. 60 TXT \"y\"",
            "b.example.com. 60 TXT \"first\"",
            "c.deep.example.com. 7 TXT \"z\"",
        ]
    );
    assert_eq!(zone.files.iter().map(|file| &**file).collect::<Vec<_>>(), ["m", "inc", "inc"]);
    assert_eq!(zone.place(&zone.records[4]).to_string(), "inc:4");
}

#[test]
fn faults_are_placed_in_the_file_that_holds_them() {
    let (zone, said) = with("$INCLUDE inc\n$INCLUDE none\nx A 1\n", &[("inc", "x A 2\n")]);
    assert!(zone.is_none());
    assert_eq!(
        said,
        [
            "m 4:10+4 error include-failed: file not found: none",
            "m 5:5+1 error bad-address: not an IPv4 address: 1",
            "inc 1:5+1 error bad-address: not an IPv4 address: 2",
        ]
    );
}

#[test]
fn a_file_that_includes_itself_is_found() {
    let (_, said) = with("$INCLUDE a\n", &[("a", "$INCLUDE b\n"), ("b", "\n $INCLUDE a\n$INCLUDE a")]);
    assert_eq!(said[0], "b 2:2+8 error unknown-type: unknown record type: $INCLUDE");
    assert_eq!(said[1], "b 3:10+1 error include-cycle: file that is being read includes itself: a");
    assert_eq!(said.len(), 2);
}

#[test]
fn includes_are_limited_in_depth_and_number() {
    let files: Vec<(String, String)> =
        (0..20).map(|at| (at.to_string(), format!("$INCLUDE {}\n", at + 1))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (_, said) = with("$INCLUDE 0\n", &files);
    assert_eq!(said, ["15 1:10+2 error include-limit: includes nested deeper than 16: 16"]);

    let (zone, said) = with(&"$INCLUDE e\n".repeat(1024), &[("e", "")]);
    assert!(zone.is_some() && said.is_empty());
    let (_, said) = with(&"$INCLUDE e\n".repeat(1025), &[("e", "")]);
    assert_eq!(said, ["m 1027:10+1 error include-limit: more than 1024 includes: e"]);
}

#[test]
fn duplicates_in_another_file_are_named_with_it() {
    let (_, said) = with("$INCLUDE a\nx 60 TXT a\n", &[("a", "x 60 TXT a\n")]);
    assert_eq!(
        said,
        ["m 4:10+1 warning duplicate: TXT record of x.example.com. is there already, dropped: a line 1"]
    );
}
