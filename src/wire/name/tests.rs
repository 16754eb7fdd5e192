use super::*;

fn name(text: &str) -> Name {
    Name::parse(text, None).unwrap()
}

#[test]
fn presentation_form_reads_and_prints() {
    let origin = name("example.com.");
    for (text, printed) in [
        ("www", "www.example.com."),
        ("a.b", "a.b.example.com."),
        ("x.", "x."),
        (r"a\.b.", r"a\.b."),
        (r"\065\255.", r"A\255."),
        (r"sp\032ace.", r"sp\032ace."),
        ("*.", "*."),
        (".", "."),
    ] {
        assert_eq!(Name::parse(text, Some(&origin)).unwrap().to_string(), printed, "{text}");
    }
}

#[test]
fn faulty_names_say_what_is_wrong() {
    let long = "a".repeat(64);
    let longest = format!("{0}.{0}.{0}.{1}.", "a".repeat(63), "a".repeat(61));
    assert_eq!(Name::parse("a..b.", None), Err(NameError::EmptyLabel));
    assert_eq!(Name::parse(".a.", None), Err(NameError::EmptyLabel));
    assert_eq!(Name::parse("", None), Err(NameError::EmptyLabel));
    assert_eq!(Name::parse("a", None), Err(NameError::NoOrigin));
    assert_eq!(Name::parse(&long, None), Err(NameError::LabelTooLong));
    assert_eq!(Name::parse(r"a\25", None), Err(NameError::BadEscape));
    assert_eq!(Name::parse(r"a\256.", None), Err(NameError::BadEscape));
    assert_eq!(Name::parse("a\\", None), Err(NameError::BadEscape));
    assert_eq!(Name::parse(&longest, None).unwrap().as_wire().len(), 255);
    assert_eq!(Name::parse(&format!("b.{longest}"), None), Err(NameError::NameTooLong));
}

#[test]
fn order_is_canonical_and_case_does_not_matter() {
    // The example of RFC 4034 section 6.1.
    let sorted = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        r"\001.z.example.",
        "*.z.example.",
        r"\200.z.example.",
    ];
    for pair in sorted.windows(2) {
        assert!(name(pair[0]) < name(pair[1]), "{} < {}", pair[0], pair[1]);
    }
    assert_eq!(name("WWW.Example."), name("www.example."));
}

#[test]
fn ancestors_are_found_at_label_borders() {
    assert!(name("a.example.com.").is_at_or_below(&name("EXAMPLE.com.")));
    assert!(!name("aexample.com.").is_at_or_below(&name("example.com.")));
    assert!(name("a.").is_at_or_below(&Name::root()));
    assert!(!name("com.").is_at_or_below(&name("example.com.")));
    // The bytes of the ancestor at the end, but not at a label border.
    assert!(!name(r"x\003com.").is_at_or_below(&name("com.")));
}

#[test]
fn names_of_every_length_are_lowered() {
    for len in 0..MAX_NAME {
        let upper: Vec<u8> = (0..len).map(|n| b"@AZ[`az{\x3f\xc1\xda"[n % 11]).collect();
        let mut lower = upper.clone();
        make_lower(&mut lower);
        assert_eq!(lower, upper.to_ascii_lowercase(), "{len}");
    }
    let mut name = NameBuf::from_wire(b"\x03WwW\x02Ab\x00rest").unwrap();
    assert_eq!(name.to_lower().as_wire(), b"\x03www\x02ab\x00");
    assert!(name.set(b"\x03a").is_err());
    assert_eq!(name.as_wire(), b"\x03WwW\x02Ab\x00");
}

#[test]
fn wire_bytes_are_checked() {
    assert_eq!(Name::from_wire(b"\x01a"), Err(NameError::Malformed));
    assert_eq!(Name::from_wire(b"\xc0\x0c"), Err(NameError::Malformed));
    assert_eq!(Name::from_wire(b"\x01a\x00\x00"), Err(NameError::Malformed));
    assert_eq!(Name::from_wire(b"\x01a\x00").unwrap(), name("a."));
}
