use super::*;

fn acme(text: &str) -> (Option<AccountSettings>, Vec<String>) {
    let (settings, found) = read(&"account.toml".into(), text.as_bytes(), &AccountId::new("acme").unwrap());
    let line = |found: &crate::model::Diagnostic| {
        assert!(found.hint.is_some() && found.excerpt.is_some());
        format!("{}+{} {}: {}", found.place, found.place.length, found.code, found.message)
    };
    (settings, found.iter().map(line).collect())
}

#[test]
fn the_example_of_the_design_reads() {
    let (settings, told) = acme(
        "name = \"Acme Corp\"\nshared_addresses = \"never\"\nrequire_tags = true\n\
         [zone.\"Shop.example\"]\nipv6 = \"off\"\n[zone.\"b.example.\"]\npaused = true\n",
    );
    assert_eq!(told, Vec::<String>::new());
    let settings = settings.unwrap();
    assert_eq!(settings.name.as_deref(), Some("Acme Corp"));
    assert!(!settings.shared_addresses && settings.require_tags && !settings.enforce_dns_only);
    let shop = settings.zone(&Name::parse("shop.example.", None).unwrap());
    assert!(!shop.ipv6 && !shop.paused);
    assert_eq!(shop.place.unwrap().to_string(), "account.toml:4:7");
    assert!(!settings.proxies(&Name::parse("b.example.", None).unwrap()));
}

#[test]
fn an_empty_file_leaves_the_defaults() {
    let (settings, told) = acme("# nothing\n");
    let id = AccountId::new("acme").unwrap();
    let expected =
        AccountSettings { place: Some(Place::file(&"account.toml".into())), ..AccountSettings::new(id) };
    assert_eq!((settings, told), (Some(expected), Vec::new()));
}

#[test]
fn all_faults_are_told_and_faulty_settings_are_not_used() {
    let (settings, told) = acme(
        r#"name = 1
shared_addresses = "nevr"
require_tag = true
enforce_dns_only = "true"
[zone."shop.example"]
ipv6 = false
color = 1
[zone."Shop.example."]
[zone.b.example]
paused = true
[zone."a b"]
[zone]
c = 1
"#,
    );
    assert_eq!(
        told,
        [
            "account.toml:1:8+1 wrong-type: name must be a string, not an integer",
            "account.toml:2:20+6 bad-value: shared_addresses must be \"allow\" or \"never\", not: nevr",
            "account.toml:3:1+11 unknown-key: unknown key in account.toml: require_tag",
            "account.toml:4:20+6 wrong-type: enforce_dns_only must be true or false, not a string",
            "account.toml:6:8+5 wrong-type: ipv6 must be \"on\" or \"off\", not true or false",
            "account.toml:7:1+5 unknown-key: unknown key in [zone.\"...\"]: color",
            "account.toml:8:7+15 duplicate-zone: zone twice in account.toml: Shop.example",
            "account.toml:9:7+1 bad-zone-name: zone name without quotes: b.example",
            "account.toml:11:7+5 bad-zone-name: bad zone name, a character that no zone name has: a b",
            "account.toml:13:5+1 wrong-type: c must be a table, not an integer",
        ]
    );
    assert_eq!(settings, None);
}
