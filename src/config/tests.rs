use super::*;

fn read(text: &str) -> (Option<Settings>, Vec<String>) {
    let (settings, found) = Settings::read(&"/etc/portolan/portolan.toml".into(), text.as_bytes());
    let line = |found: &crate::model::Diagnostic| {
        assert!(found.hint.is_some() && found.excerpt.is_some(), "{found:?}");
        let place = &found.place;
        format!("{}:{}+{} {}: {}", place.line, place.column, place.length, found.code, found.message)
    };
    (settings, found.iter().map(line).collect())
}

#[test]
fn every_setting_is_read_and_paths_are_beside_the_file() {
    let (settings, told) = read(
        r#"
zones = "data/zones"
addrmaps = "/srv/maps"
listen = ["192.0.2.1:53", "[2001:db8::1]:53"]
workers = 4
metrics = "127.0.0.1:9153"
log = "json"
watch = "poll"
strict = true
ownership = "warn"
socket = "run/control"
[tcp]
connections = 100
connections_per_prefix = 10
idle_seconds = 6553
[history]
generations = 10
days = 7
[answers]
address_order = "fixed"
version_bind = "one"
id_server = "fra-1"
nsid = false
[guards]
unproxied_names = 0
unproxied_zone = true
zones_gone = { percent = 0, floor = 0 }
names_changed = { percent = 100 }
zone_names_gone = { floor = 1000000000 }
addresses_gone = { percent = 7, floor = 8 }
zones_losing_family = 9
operator_names = 11
ledger_names = 12
"#,
    );
    assert_eq!(told, Vec::<String>::new());
    let asked = |address: &str| Listen { address: address.parse().unwrap(), is_default: false };
    assert_eq!(
        settings,
        Some(Settings {
            zones: "/etc/portolan/data/zones".into(),
            addrmaps: "/srv/maps".into(),
            state: "/etc/portolan/state".into(),
            listen: vec![asked("192.0.2.1:53"), asked("[2001:db8::1]:53")],
            workers: Some(4),
            metrics: Some("127.0.0.1:9153".parse().unwrap()),
            log: LogFormat::Json,
            watch: Watch::Poll,
            strict: true,
            ownership: Ownership::Warn,
            socket: Some("/etc/portolan/run/control".into()),
            tcp: Tcp { connections: 100, connections_per_prefix: 10, idle_seconds: 6553 },
            history: History { generations: 10, days: 7, mebibytes: 1024 },
            answers: Answers {
                address_order: AddressOrder::Fixed,
                version_bind: ServerVersion::Text("one".into()),
                id_server: Some("fra-1".into()),
                nsid: false,
            },
            guards: Guards {
                unproxied_names: 0,
                unproxied_zone: true,
                zones_gone: Share { percent: 0, floor: 0 },
                names_changed: Share { percent: 100, floor: 1000 },
                zone_names_gone: Share { percent: 50, floor: 1_000_000_000 },
                addresses_gone: Share { percent: 7, floor: 8 },
                zones_losing_family: 9,
                operator_names: 11,
                ledger_names: 12,
            },
        })
    );
}

#[test]
fn ownership_is_one_of_three_words() {
    for (word, expected) in
        [("enforce", Some(Ownership::Enforce)), ("off", Some(Ownership::Off)), ("", None), ("false", None)]
    {
        let (settings, told) = read(&format!("ownership = {word:?}\n"));
        assert_eq!(
            (settings.map(|settings| settings.ownership), told.is_empty()),
            (expected, expected.is_some())
        );
    }
}

#[test]
fn an_empty_file_says_the_same_as_none() {
    let (settings, found) = Settings::read(&"portolan.toml".into(), b"");
    assert_eq!((settings, found), (Some(Settings::default()), Vec::new()));
    let default = Settings::default();
    assert_eq!(
        default.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.1:5300", "[::1]:5300"]
    );
    assert!(default.listen.iter().all(|listen| listen.is_default));
    assert_eq!((default.workers_on(8), default.workers_on(0), default.workers_on(1000)), (8, 1, 256));
}

#[test]
fn all_faults_are_told_at_once() {
    let (settings, told) = read(
        r#"zone = "x"
zones = ""
listen = ["127.0.0.1", "::1", "localhost:53", 53, "127.0.0.1:53", "127.0.0.1:53", "127.0.0.1:0", "127.0.0.1:0"]
workers = 0
metrics = 9153
log = "jsn"
watch = "inotify"
strict = "yes"
socket = ""
[answers]
address_order = true
version_bind = 1
id_server = true
[tcp]
connections = 0
connections_per_prefix = 1000001
idle_seconds = -1
timeout = 1
[guards]
unproxied_names = -1
unproxied_zone = 1
zones_gone = 10
names_changed = { percent = 101, flor = 1 }
operator_names = 1000000001
[history]
generations = 0
days = 1000001
mebibytes = ""
years = 1
"#,
    );
    assert_eq!(settings, None);
    assert_eq!(
        told,
        [
            "1:1+4 unknown-key: unknown key in portolan.toml: zone",
            "2:9+2 bad-path: zones names no folder",
            "3:11+11 bad-socket-address: listen must be an address with a port, not: 127.0.0.1",
            "3:24+5 bad-socket-address: listen must be an address with a port, not: ::1",
            "3:31+14 bad-socket-address: listen must be an address with a port, not: localhost:53",
            "3:47+2 wrong-type: listen must be a string, not an integer",
            "3:67+14 duplicate-listen: address twice in listen: 127.0.0.1:53",
            "4:11+1 bad-workers: workers must be 1 to 256, not: 0",
            "5:11+4 wrong-type: metrics must be a string, not an integer",
            "6:7+5 bad-value: log must be \"human\" or \"json\", not: jsn",
            "7:9+9 bad-value: watch must be \"events\" or \"poll\" or \"off\", not: inotify",
            "8:10+5 wrong-type: strict must be true or false, not a string",
            "9:10+2 bad-path: socket names no file",
            "11:17+4 wrong-type: address_order must be \"rotate\" or \"fixed\", not true or false",
            "12:16+1 wrong-type: version_bind must be true, false or a string, not an integer",
            "13:13+4 wrong-type: id_server must be a string or false, not true or false",
            "15:15+1 bad-limit: connections must be 1 to 1000000, not: 0",
            "16:26+7 bad-limit: connections_per_prefix must be 1 to 1000000, not: 1000001",
            "17:16+2 bad-limit: idle_seconds must be 1 to 6553, not: -1",
            "18:1+7 unknown-key: unknown key in [tcp]: timeout",
            "20:19+2 bad-limit: unproxied_names must be 0 to 1000000000, not: -1",
            "21:18+1 wrong-type: unproxied_zone must be true or false, not an integer",
            "22:14+2 wrong-type: zones_gone must be a table, not an integer",
            "23:29+3 bad-limit: percent must be 0 to 100, not: 101",
            "23:34+4 unknown-key: unknown key in a limit of [guards]: flor",
            "24:18+10 bad-limit: operator_names must be 0 to 1000000000, not: 1000000001",
            "26:15+1 bad-limit: generations must be 1 to 1000000, not: 0",
            "27:8+7 bad-limit: days must be 1 to 1000000, not: 1000001",
            "28:13+2 wrong-type: mebibytes must be an integer, not a string",
            "29:1+5 unknown-key: unknown key in [history]: years",
        ]
    );
    assert_eq!(read("listen = []").1, ["1:10+2 listens-nowhere: listen has no address"]);
    assert_eq!(
        read("workers = 99999999999999999999").1,
        ["1:11+20 bad-value: workers is out of range: 99999999999999999999"]
    );
    assert_eq!(read("workers = 257").1, ["1:11+3 bad-workers: workers must be 1 to 256, not: 257"]);
    let long = format!("[answers]\nid_server = \"{}\"", "a".repeat(256));
    assert_eq!(read(&long).1, ["2:13+258 bad-server-text: id_server must have 1 to 255 octets, it has 256"]);
}

#[test]
fn what_is_hidden_is_hidden() {
    let (settings, _) = read("[answers]\nversion_bind = false\nid_server = false\n");
    let answers = settings.unwrap().answers;
    assert_eq!((answers.version_bind, answers.id_server), (ServerVersion::Hidden, None));
}

#[test]
fn the_command_line_goes_before_the_file() {
    let (settings, _) = read("zones = \"z\"\nlisten = [\"192.0.2.1:53\"]\nworkers = 4\nlog = \"json\"\n");
    let settings = settings.unwrap();
    assert_eq!(settings.clone().with(Overrides::default()), settings);
    let address: SocketAddr = "127.0.0.1:5353".parse().unwrap();
    let overridden = settings.clone().with(Overrides {
        zones: Some("here".into()),
        listen: vec![address, address],
        workers: Some(0),
        log: Some(LogFormat::Human),
        watch: Some(Watch::Off),
        strict: Some(true),
        socket: Some("run".into()),
        ..Overrides::default()
    });
    let expected = Settings {
        zones: "here".into(),
        listen: vec![Listen { address, is_default: false }],
        workers: Some(1),
        log: LogFormat::Human,
        watch: Watch::Off,
        strict: true,
        socket: Some("run".into()),
        ..settings
    };
    assert_eq!(overridden, expected);
}
