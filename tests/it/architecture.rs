//! The import table of the house: who may use whom, and which outside crate comes in by which door.

use std::fs;
use std::path::Path;

/// The rooms with their level. Rooms of one level do not import each other.
const ROOMS: &[(&str, u8)] = &[
    // Pages of text: it imports nothing.
    ("manual", 0),
    ("wire", 0),
    ("model", 1),
    ("zonefile", 2),
    ("addrmap", 2),
    ("snapshot", 2),
    ("dnssec", 2),
    ("config", 2),
    ("telemetry", 2),
    ("compile", 3),
    ("answer", 3),
    ("judge", 4),
    ("server", 4),
    ("control", 5),
    ("byoip", 5),
    ("api", 6),
    ("fleet", 6),
    ("cli", 7),
];

/// What a room may not use although it stands on a lower level.
const EXCEPTIONS: &[(&str, &[&str])] = &[
    ("answer", &["zonefile", "addrmap", "config", "telemetry"]),
    ("server", &["zonefile", "addrmap", "compile"]),
    ("control", &["server"]),
    ("byoip", &["server"]),
    ("api", &["server"]),
    ("fleet", &["server"]),
];

/// Rooms that are pure: no I/O, no clock, no runtime.
const PURE: &[&str] =
    &["wire", "model", "zonefile", "addrmap", "snapshot", "dnssec", "compile", "answer", "judge"];

/// What a pure room may not say.
const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "ToSocketAddrs",
    "Instant::now",
    "SystemTime",
];

/// Outside crates that come in by one door: the crate and the places where it may be named.
const DOORS: &[(&str, &[&str])] = &[
    ("hickory_server", &["server/"]),
    ("hickory_proto", &["server/"]),
    ("arc_swap", &["snapshot/publish.rs"]),
    ("clap", &["cli/", "main.rs"]),
    ("axum", &["api/"]),
    ("notify", &["control/watch/"]),
    ("blake3", &["control/source.rs"]),
    ("crc32fast", &["control/state/"]),
    ("sd_notify", &["cli/"]),
    ("listenfd", &["cli/"]),
    ("libc", &["server/"]),
    ("thread_priority", &["control/audit.rs"]),
    ("rustix", &["control/", "server/slow.rs", "server/tcp/"]),
];

/// Files that may hold unsafe code.
const UNSAFE: &[&str] = &["server/udp/mmsg.rs"];

/// Longest file that is no table.
const MAX_LINES: usize = 600;
/// A table says so in one of its first lines.
const HEAD_LINES: usize = 5;

#[test]
fn the_house_holds_its_import_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &src, &mut files);
    assert!(files.len() > 20, "only {} files below {}", files.len(), src.display());
    let faults: Vec<String> = files.iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Every source file with its path below `src`, separated by slashes.
fn collect(src: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            collect(src, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(src).expect("a file below src");
            let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            files.push((parts.join("/"), fs::read_to_string(&path).expect("a source file can be read")));
        }
    }
    files.sort();
}

/// Everything that is wrong with one file, each as `file:line: what`.
fn faults(path: &str, text: &str) -> Vec<String> {
    let code = without_tests(path, without_comments_and_strings(text));
    let mut faults = Vec::new();
    let mut fault = |at: usize, what: String| {
        let line = code[..at].matches('\n').count() + 1;
        faults.push(format!("src/{path}:{line}: {what}"));
    };
    let room = path.split(['/', '.']).next().unwrap_or_default();
    let whole_house = path == "main.rs" || path == "lib.rs";
    let level = level(room);
    if level.is_none() && !whole_house {
        fault(0, format!("`{room}` is no room of the table"));
    }
    for (at, used) in used_rooms(path, &code) {
        if used != room && !whole_house && !may_use(room, &used) {
            fault(at, format!("`{room}` must not use `{used}`"));
        }
    }
    for (outside, doors) in DOORS {
        if !doors.iter().any(|door| path.starts_with(door)) {
            // What stands behind a path, as in `sd_notify::notify`, is no crate.
            let is_crate = |at: &usize| {
                let path = code[..*at].strip_suffix("::");
                !path.is_some_and(|path| path.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
            };
            for at in words(&code, outside).filter(is_crate) {
                fault(at, format!("`{outside}` belongs to {}", doors.join(", ")));
            }
        }
    }
    if PURE.contains(&room) {
        for impure in IMPURE {
            for at in words(&code, impure) {
                fault(at, format!("`{room}` is pure and must not use `{impure}`"));
            }
        }
        // `use std::{fs, net}` says `std::fs` as well.
        for (at, path) in use_paths(&code) {
            let below = |impure: &str| path == impure || path.starts_with(&format!("{impure}::"));
            for impure in
                IMPURE.iter().filter(|impure| below(impure) && words(&code, impure).next().is_none())
            {
                fault(at, format!("`{room}` is pure and must not use `{impure}`"));
            }
        }
    }
    if !UNSAFE.contains(&path) {
        for at in words(&code, "unsafe") {
            fault(at, "unsafe code".to_owned());
        }
    }
    let lines = text.lines().count();
    let is_table = text.lines().take(HEAD_LINES).any(|line| line.contains("table"));
    if lines > MAX_LINES && !is_table {
        fault(0, format!("{lines} lines where {MAX_LINES} are allowed"));
    }
    faults
}

fn level(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, level)| *level)
}

fn may_use(room: &str, used: &str) -> bool {
    let excepted = EXCEPTIONS.iter().any(|(name, not)| *name == room && not.contains(&used));
    level(used) < level(room) && !excepted
}

/// The rooms that a file names, with the offset: `crate::room` anywhere, also in braces and by `super`.
fn used_rooms(path: &str, code: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    let is_room = |name: &str| level(name).is_some();
    // Paths in expressions and in `use`: `crate::room::...`.
    for at in words(code, "crate") {
        let rest = &code[at + "crate".len()..];
        let Some(rest) = rest.trim_start().strip_prefix("::") else { continue };
        let name = identifier(rest.trim_start());
        if is_room(name) {
            used.push((at, name.to_owned()));
        }
    }
    // `use crate::{a::b, c}`, however deep, and `use super::super::room`.
    let depth = module_depth(path);
    for (at, path) in use_paths(code) {
        let parts: Vec<&str> = path.split("::").collect();
        let supers = parts.iter().take_while(|part| **part == "super").count();
        let room = match parts[0] {
            "crate" | "portolan" => parts.get(1),
            "super" if supers >= depth => parts.get(supers),
            _ => None,
        };
        if let Some(room) = room.filter(|room| is_room(room))
            && !used.iter().any(|(_, name)| name == room)
        {
            used.push((at, (*room).to_owned()));
        }
    }
    used
}

/// How many `super` lead from a file to the crate's root.
fn module_depth(path: &str) -> usize {
    let parts = path.split('/').count();
    if path.ends_with("mod.rs") { parts - 1 } else { parts }
}

/// Every path that the `use` declarations of a file name, braces expanded, with the offset of the declaration.
fn use_paths(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for at in words(code, "use") {
        let rest = &code[at + "use".len()..];
        let Some(end) = rest.find(';') else { continue };
        let tree: String = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
        let mut expanded = Vec::new();
        expand(&tree.replace(" as ", " as_").replace(' ', ""), "", &mut expanded);
        paths.extend(expanded.into_iter().map(|path| (at, path)));
    }
    paths
}

/// Expands `a::{b, c::{d}}` into `a::b` and `a::c::d`.
fn expand(tree: &str, prefix: &str, paths: &mut Vec<String>) {
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, byte) in tree.bytes().enumerate().chain([(tree.len(), b',')]) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                let branch = &tree[start..at];
                start = at + 1;
                match branch.split_once('{') {
                    Some((head, inner)) => {
                        let inner = inner.strip_suffix('}').unwrap_or(inner);
                        expand(inner, &format!("{prefix}{head}"), paths);
                    }
                    None if !branch.is_empty() => paths.push(format!("{prefix}{branch}")),
                    None => {}
                }
            }
            _ => {}
        }
    }
}

/// Where `word` stands as a whole word or path.
fn words<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> + 'c {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let bytes = code.as_bytes();
        !part(at.checked_sub(1).and_then(|before| bytes.get(before))) && !part(bytes.get(at + word.len()))
    })
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The code with comments, texts and characters blanked out, every other octet in its place.
fn without_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match &bytes[at..] {
            [b'/', b'/', ..] => line_end(bytes, at),
            [b'/', b'*', ..] => find(bytes, at + 2, b"*/"),
            [b'r', b'"', ..] if !is_part(bytes, at) => find(bytes, at + 2, b"\""),
            [b'r', b'#', ..] if !is_part(bytes, at) => raw_end(bytes, at),
            [b'"', ..] => quoted_end(bytes, at + 1, b'"'),
            // A lifetime has no closing quote two octets or an escape later.
            [b'\'', b'\\', ..] => quoted_end(bytes, at + 1, b'\''),
            [b'\'', _, b'\'', ..] => at + 3,
            _ => {
                at += 1;
                continue;
            }
        };
        let end = end.min(bytes.len());
        for octet in &mut code[at..end] {
            if *octet != b'\n' {
                *octet = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// The code with its tests blanked out: a test may use whatever it needs.
fn without_tests(path: &str, mut code: String) -> String {
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return String::new();
    }
    while let Some(start) = code.find("#[cfg(test)]") {
        let rest = &code.as_bytes()[start..];
        let mut depth = 0_usize;
        let mut closes = |byte: &u8| {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && matches!(byte, b'}' | b';')
        };
        let end = rest.iter().position(&mut closes).map_or(code.len(), |at| start + at + 1);
        let blank: String = code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    code
}

fn is_part(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() && bytes[at - 1] != b'b' || bytes[at - 1] == b'_')
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    find(bytes, at, b"\n")
}

/// Behind the next `pattern`.
fn find(bytes: &[u8], at: usize, pattern: &[u8]) -> usize {
    let found = bytes[at..].windows(pattern.len()).position(|window| window == pattern);
    found.map_or(bytes.len(), |found| at + found + pattern.len())
}

fn quoted_end(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_end(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        return at + 1;
    }
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    find(bytes, at + 2 + hashes, &close)
}

#[test]
fn the_checker_sees_what_it_is_for() {
    let violations: &[(&str, &str, &str)] = &[
        (
            "model/zone.rs",
            "use crate::answer::respond;",
            "src/model/zone.rs:1: `model` must not use `answer`",
        ),
        (
            "wire/name.rs",
            "\n\nfn f() { crate::model::World::default(); }",
            "src/wire/name.rs:3: `wire` must not",
        ),
        (
            "answer/mod.rs",
            "use crate::{model::World, compile::{compile}};",
            "`answer` must not use `compile`",
        ),
        ("answer/mod.rs", "use crate::zonefile::rdata_text;", "`answer` must not use `zonefile`"),
        ("zonefile/lexer.rs", "use super::super::addrmap;", "`zonefile` must not use `addrmap`"),
        ("server/udp.rs", "use crate::compile::compile;", "`server` must not use `compile`"),
        ("control/watch.rs", "use crate::server::Server;", "`control` must not use `server`"),
        ("answer/mod.rs", "use hickory_proto::op::Message;", "`hickory_proto` belongs to server/"),
        (
            "cli/mod.rs",
            "fn f() { ::notify::recommended_watcher(|_| {}); }",
            "`notify` belongs to control/watch/",
        ),
        ("control/mod.rs", "use arc_swap::ArcSwap;", "`arc_swap` belongs to snapshot/publish.rs"),
        ("compile/mod.rs", "fn now() { std::time::Instant::now(); }", "must not use `Instant::now`"),
        ("zonefile/mod.rs", "use std::{fs, sync::Arc};", "`zonefile` is pure and must not use `std::fs`"),
        ("judge/mod.rs", "use std::net::UdpSocket;", "must not use `UdpSocket`"),
        ("snapshot/mod.rs", "unsafe { x() }", "unsafe code"),
        (
            "wire/mod.rs",
            "#[cfg(test)]\nmod tests { fn f() {} }\nuse tokio::net;",
            "src/wire/mod.rs:3: `wire` is pure",
        ),
        ("wire/mod.rs", "#[cfg(test)]\nmod tests;\nuse crate::cli;", "src/wire/mod.rs:3: `wire` must"),
        ("cellar/mod.rs", "", "`cellar` is no room"),
    ];
    for (path, text, expected) in violations {
        let found = faults(path, text);
        assert!(found.iter().any(|fault| fault.contains(expected)), "{path}: {text}: {found:?}");
    }
    assert!(!faults("model/zone.rs", &"//\n".repeat(MAX_LINES + 1)).is_empty());
    assert!(faults("model/zone.rs", &format!("//! A table.\n{}", "//\n".repeat(MAX_LINES))).is_empty());

    let fine: &[(&str, &str)] = &[
        ("model/zone.rs", "use crate::wire::Name; use super::Place;"),
        ("cli/systemd.rs", "fn f() { sd_notify::notify(&[]); }"),
        (
            "model/zone.rs",
            "// crate::answer\n/* unsafe */ const A: &str = \"crate::answer\"; const B: char = '\"';",
        ),
        ("model/zone.rs", "const A: &str = r#\"unsafe \" crate::answer\"#; fn f<'a>(x: &'a str) {}"),
        ("answer/mod.rs", "use crate::{model::World, snapshot::{Snapshot, node}, wire};"),
        ("zonefile/lexer.rs", "use super::super::model;"),
        ("snapshot/publish.rs", "use arc_swap::ArcSwap;"),
        ("answer/mod.rs", "#[cfg(test)]\nmod tests { use crate::compile::compile; fn f() {} }"),
        ("answer/tests.rs", "use crate::compile::compile;"),
        ("main.rs", "use portolan::cli;"),
        ("wire/name.rs", "use std::net::Ipv4Addr;"),
    ];
    for (path, text) in fine {
        assert_eq!(faults(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
