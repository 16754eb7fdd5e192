//! `compare` and NSID through the real binary: a server that is to be replaced, and the files that are to replace it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Output;

use client::dns::{Ask, Edns};
use client::server::{Server, portolan};
use serde_json::Value;

const SHOP: &str = "\
@ 3600 IN SOA ns.invalid. h. 7 7200 900 1209600 300
@ 3600 IN NS ns.invalid.
www 60 IN A 198.51.100.1 ; cf_tags=cf-proxied:true
mail 60 IN A 192.0.2.25
*.apps 60 IN A 192.0.2.26
sub 60 IN NS ns.sub
ns.sub 60 IN A 192.0.2.27
";
const BLOG: &str = "\
@ 3600 IN SOA ns.invalid. h. 1 7200 900 1209600 300
@ 3600 IN NS ns.invalid.
a 60 IN A 192.0.2.30
";

/// Long texts, which over UDP do not fit.
fn large() -> String {
    let text = |n: usize| format!("large 60 IN TXT \"{n}{}\"\n", "x".repeat(250));
    (0..8).map(text).collect()
}

/// Zones in a folder with one anycast address.
fn folder(zones: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for tree in ["zones/acme", "addrmaps"] {
        std::fs::create_dir_all(folder.path().join(tree)).unwrap();
    }
    write(
        folder.path(),
        "addrmaps/main.toml",
        "[anycast]\nipv4 = [\"203.0.113.1\"]\nipv6 = [\"2001:db8::1\"]\n",
    );
    for (origin, text) in zones {
        write(folder.path(), &format!("zones/acme/{origin}.zone"), text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    std::fs::write(folder.join(path), text).unwrap();
}

fn compare(files: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        portolan().current_dir(files).arg("compare").args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn at(server: SocketAddr) -> String {
    format!("@{server}")
}

/// The stored records of a file, for a server that knows nothing of proxied names.
fn without_tags(text: &str) -> String {
    text.replace(" ; cf_tags=cf-proxied:true", "")
}

#[test]
fn a_server_with_the_same_files_differs_only_by_what_is_proxied() {
    let text = format!("{SHOP}{}", large());
    let old = folder(&[("shop.example", &without_tags(&text)), ("blog.example", BLOG)]);
    let new = folder(&[("shop.example", &text), ("blog.example", BLOG)]);
    let server = Server::start(old.path());
    let (code, told, said) = compare(new.path(), &[&at(server.address)]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{told}");
    assert!(
        told.contains("by design   proxied: answered from a map instead of what is stored: 2\n"),
        "{told}"
    );
    assert!(told.contains("    www.shop.example. A\n    www.shop.example. AAAA\n"), "{told}");
    let last = told.lines().last().unwrap();
    assert!(last.contains(" questions about 2 zones to 127.0.0.1:"), "{told}");
    assert!(last.ends_with(": 0 differences, 2 by design, 0 notes"), "{told}");
    assert_eq!(compare(new.path(), &[&at(server.address), "--strict"]).0, Some(1));
    // Where nothing is proxied, strictness has nothing to count.
    let (code, told, _) = compare(new.path(), &[&at(server.address), "blog.example", "--strict"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(" about 1 zone to "), "{told}");
    server.stop();
}

#[test]
fn every_difference_is_told_with_its_reason() {
    let changed = SHOP
        .replace("192.0.2.25", "192.0.2.99")
        .replace("h. 7 7200", "h. 6 7200")
        .replace("*.apps 60", "*.apps 61")
        .replace("198.51.100.1", "198.51.100.77");
    let old = folder(&[("shop.example", &format!("{}only 60 IN A 192.0.2.9\n", without_tags(&changed)))]);
    let new = folder(&[("shop.example", &format!("{SHOP}fresh 60 IN MX 1 mail\n")), ("blog.example", BLOG)]);
    let server = Server::start(old.path());
    let (code, told, said) = compare(new.path(), &[&at(server.address), "Shop.Example.", "--json"]);
    assert_eq!((code, said.as_str()), (Some(1), ""), "{told}");
    let document: Value = serde_json::from_str(&told).unwrap();
    let groups = document["report"]["groups"].as_array().unwrap();
    let group = |reason: &str| {
        let found = groups.iter().find(|group| group["reason"] == reason);
        found.unwrap_or_else(|| panic!("{reason}: {told}"))
    };
    assert_eq!(group("records")["first"][0]["name"], "mail.shop.example.");
    assert_eq!(group("records")["first"][0]["server"], "NOERROR aa 60 A 192.0.2.99");
    assert_eq!(group("records")["first"][0]["files"], "NOERROR aa 60 A 192.0.2.25");
    assert_eq!(group("serial")["count"], 1);
    assert_eq!(group("ttl")["first"][0]["name"], "*.apps.shop.example.");
    assert_eq!(group("origin")["first"][0]["name"], "www.shop.example.");
    assert!(group("rcode")["first"].to_string().contains("fresh.shop.example."), "{told}");
    assert_eq!(document["zones"], 1);
    // A zone that the server does not have.
    let (code, told, _) = compare(new.path(), &[&at(server.address), "blog.example"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("difference  another response code: "), "{told}");
    assert!(told.contains("        server  REFUSED\n        files   NOERROR aa "), "{told}");
    server.stop();
}

#[test]
fn what_cannot_be_compared_ends_with_2() {
    let files = folder(&[("blog.example", BLOG)]);
    // A port that somebody has and nobody answers at.
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = at(mute.local_addr().unwrap());
    let (code, told, said) = compare(files.path(), &[&silent, "--timeout", "1"]);
    assert_eq!((code, told.as_str()), (Some(2), ""));
    assert!(said.contains("no answer from 127.0.0.1:"), "{said}");
    // A port that nobody has, as far as one can know: TCP holds it.
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, _, said) = compare(files.path(), &[&at(tcp.local_addr().unwrap())]);
    assert_eq!(code, Some(2));
    assert!(said.contains("nothing listens at 127.0.0.1:"), "{said}");
    let (code, _, said) = compare(files.path(), &[&silent, "else.example"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("the files hold no zone of that name: else.example."), "{said}");
    for (arguments, wrong) in [
        (&[&silent, ""][..], "an empty name is no zone"),
        (&[&silent, "blog.example", ""], "an empty name is no zone"),
        (&["127.0.0.1"], "not a server"),
        (&["@"], "not a server"),
        (&[], "required"),
    ] {
        let (code, told, said) = compare(files.path(), arguments);
        assert_eq!((code, told.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(said.contains(wrong), "{arguments:?}: {said}");
    }
    let (code, _, said) = compare(folder(&[]).path(), &[&silent]);
    assert_eq!(code, Some(2));
    assert!(said.contains("there is nothing to ask"), "{said}");
}

/// What a server says of itself to a client that asks who answers.
fn nsid(server: &Server, tcp: bool) -> Option<String> {
    let edns = Some(Edns { size: 1232, nsid: true, ..Edns::default() });
    let reply = Ask { edns, tcp, ..Ask::new("a.blog.example", 1) }.send(server.address).unwrap();
    reply.opt.unwrap().nsid
}

#[test]
fn nsid_tells_whether_two_servers_agree() {
    let files = folder(&[("blog.example", BLOG)]);
    let other = folder(&[("blog.example", &BLOG.replace(".30", ".31"))]);
    let state = tempfile::tempdir().unwrap();
    let one = Server::start_with(files.path(), state.path(), &[]);
    let two = Server::start(files.path());
    let three = Server::start(other.path());
    let told = nsid(&one, false).unwrap();
    let (generation, content) = told.strip_prefix('g').unwrap().split_once('-').unwrap();
    assert!(generation.parse::<u64>().unwrap() > 1_700_000_000 && content.len() == 16, "{told}");
    assert_eq!(nsid(&one, true), Some(told.clone()));
    let content_of = |server| nsid(server, false).unwrap().split_once('-').unwrap().1.to_owned();
    assert_eq!(content_of(&two), content);
    assert_ne!(content_of(&three), content);
    let status = portolan().current_dir(files.path()).arg("--state").arg(state.path()).arg("status").output();
    let status = String::from_utf8(status.unwrap().stdout).unwrap();
    assert!(status.contains(&format!("content {content}\n")), "{status}");
    one.stop();
    // The state says the same as the files did.
    let one = Server::start_with(files.path(), state.path(), &["--watch", "off"]);
    assert_eq!(nsid(&one, false).as_deref(), Some(told.as_str()));
    one.stop();
    write(files.path(), "portolan.toml", "[answers]\nnsid = false\n");
    let hidden = Server::start(files.path());
    assert_eq!(nsid(&hidden, false), None);
    for server in [two, three, hidden] {
        server.stop();
    }
}
