//! What is remembered of earlier generations, asked for with the real binary: history, show, diff, blame, explain --at.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::fs;
use std::path::Path;

use client::lives::{Lives, Ran};
use serde_json::Value;

const FIRST: &str = "0123456789abcdef0123456789abcdef01234567";
const SECOND: &str = "76543210fedcba9876543210fedcba9876543210";

/// A folder that looks like a clone of a repository, served without a watch: a change is made by `reload`.
struct Scene {
    top: tempfile::TempDir,
    lives: Lives,
}

impl Scene {
    fn new() -> Scene {
        let top = tempfile::tempdir().unwrap();
        let lives = Lives::new(top.path(), &top.path().join("state"));
        let mut scene = Scene { top, lives };
        fs::create_dir_all(scene.top.path().join("state")).unwrap();
        scene.commit(FIRST);
        scene.write("zones/acme/shop.example.zone", &zone("mail 60 IN A 198.51.100.7"));
        scene.write("zones/acme/alias.example.zone", &zone("far 60 IN CNAME mail.shop.example."));
        scene.write("addrmaps/main.toml", "[anycast]\nipv4 = [\"192.0.2.10\"]\n");
        scene.write("addrmaps/acme/maps.toml", &map("203.0.113.1"));
        // A first start has read the files, and is in sync before it looks at them once more; a later one is not.
        scene.lives.start(&["--watch", "off"]);
        scene.lives.stop();
        scene.start();
        scene
    }

    fn start(&mut self) {
        self.lives.start(&["--watch", "off"]);
        // It looks at the files once more when it is ready: what is written before that is no edit of ours.
        self.lives.wait_for_status("in sync", |status| status.in_sync);
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.top.path().join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, id: &str) {
        self.write(".git/HEAD", "ref: refs/heads/main\n");
        self.write(".git/refs/heads/main", &format!("{id}\n"));
    }

    /// Publishes what the files say, and returns the generation.
    fn reload(&self) -> u64 {
        let before = self.lives.status().generation;
        let ran = self.lives.run(&["reload"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let after = self.lives.status().generation;
        assert!(after > before, "{ran:?}");
        after
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> String {
        let ran = self.lives.run(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        ran.stdout
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.fine(&[arguments, &["--json"]].concat())).unwrap()
    }
}

fn zone(rest: &str) -> String {
    format!(
        "@ 60 IN SOA ns.invalid. ns.invalid. 1 7200 900 1209600 300\n@ 60 IN NS ns.invalid.\n\
         www 1 IN A 198.51.100.1 ; cf_tags=cf-proxied:true\n{rest}\n"
    )
}

fn map(address: &str) -> String {
    format!(
        "\n[[address_map]]\nid = \"shop-eu\"\nenabled = true\nips = [\"{address}\"]\nzones = [\"shop.example\"]\n"
    )
}

fn generations(history: &Value) -> Vec<u64> {
    history["entries"].as_array().unwrap().iter().map(|entry| entry["generation"].as_u64().unwrap()).collect()
}

#[test]
fn an_edit_is_remembered_compared_and_traced_to_its_line() {
    let mut scene = Scene::new();
    let first = scene.lives.status().generation;
    scene.write("addrmaps/acme/maps.toml", &map("203.0.113.2"));
    let second = scene.reload();
    scene.commit(SECOND);
    scene.write("zones/acme/shop.example.zone", &zone("mail 60 IN A 198.51.100.8"));
    let third = scene.reload();
    let [one, two, three] = [first, second, third].map(|generation| generation.to_string());

    // history
    let history = scene.json(&["history"]);
    assert_eq!((history["served"].as_u64(), history["kept"].as_u64()), (Some(third), Some(3)));
    assert_eq!(generations(&history), [third, second, first]);
    let entry = &history["entries"][0];
    assert_eq!(entry["trigger"], "reload");
    assert_eq!(entry["zones"], serde_json::json!(["~shop.example."]));
    assert_eq!(entry["units"], serde_json::json!(["account acme"]));
    assert_eq!(entry["commit"], SECOND);
    assert_eq!(history["entries"][2]["commit"], FIRST);
    let text = scene.fine(&["history"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with(&format!("* {three}  ")), "{text}");
    assert!(
        lines[0].contains("reload: 1 zone of account acme changed (~shop.example.), commit 76543210fedc")
    );
    assert!(
        lines[1].starts_with(&format!("  {two}  ")) && lines[1].contains("account acme changed"),
        "{text}"
    );
    let text = scene.fine(&["history", "--limit", "1"]);
    assert!(text.ends_with("  and 2 older: --limit 3\n") && text.lines().count() == 2, "{text}");

    // show
    let text = scene.fine(&["show", &two]);
    assert!(text.starts_with(&format!("generation  {two}, published ")), "{text}");
    assert!(text.contains(&format!("commit      {FIRST}\n")), "{text}");
    assert!(
        text.ends_with("files       1 file changed\n            ~ zones/../addrmaps/acme/maps.toml\n")
            || text.ends_with("files       1 file changed\n            ~ addrmaps/acme/maps.toml\n"),
        "{text}"
    );
    let shown = scene.json(&["show", &three]);
    assert_eq!((&shown["is_served"], &shown["files_changed"]), (&true.into(), &1.into()));
    assert_ne!(shown["files"][0]["before"], shown["files"][0]["after"]);

    // diff
    let diff = scene.json(&["diff", &one, &two]);
    assert_eq!(diff["zones"], serde_json::json!(["~shop.example."]));
    assert_eq!(diff["maps"], serde_json::json!(["~shop-eu"]));
    let diff = scene.json(&["diff", &two, &three]);
    assert_eq!((&diff["zones_changed"], &diff["maps"]), (&1.into(), &serde_json::json!([])));
    assert_eq!(diff["files"][0]["file"], "zones/acme/shop.example.zone");
    assert_eq!(scene.fine(&["diff", &two, &two]), format!("generations {two} and {two} are the same\n"));

    // diff, name by name
    let text = scene.fine(&["diff", &one, &two]);
    assert!(
        text.ends_with(
            "\naccount acme: 1 of 6 names otherwise\n  zone map shop-eu (203.0.113.1) -> zone map shop-eu \
             (203.0.113.2): 1 proxied name in 1 zone (shop.example.)\n"
        ),
        "{text}"
    );
    let text = scene.fine(&["diff", &two, &three]);
    for expected in [
        "    mail.shop.example.: changed, the zone's records changed\n      A     A 198.51.100.7 -> A 198.51.100.8\n",
        "    far.alias.example.: changed, the target of the alias changed\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }

    // plan --since: the files, which say what is served, against what was
    assert!(scene.fine(&["plan"]).starts_with("nothing would be answered otherwise\n"));
    let text = scene.fine(&["plan", "--since", &one]);
    for expected in [
        &format!("since       generation {one}\n"),
        "    mail.shop.example.: changed, the zone's records changed\n      A     A 198.51.100.7 -> A 198.51.100.8\n",
        "    www.shop.example.: changed, the map has other addresses\n      A     A 203.0.113.1 -> A 203.0.113.2\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(
        scene.fine(&["plan", "--since", &three]).starts_with("nothing would be answered otherwise\nsince ")
    );
    assert_eq!(scene.lives.run(&["plan", "--since", &one, "--exit-code"]).code, Some(3));
    assert_eq!(scene.lives.run(&["plan", "--since", "0s ago", "--exit-code"]).code, Some(0));
    let text = scene.fine(&["plan", "--since", &two, "--markdown"]);
    assert!(
        text.contains(&format!("| since | generation {two} |\n")) && text.contains("<details>"),
        "{text}"
    );
    // What waits in the files counts, and what would be held is held.
    scene.write("zones/acme/shop.example.zone", &zone("mail 60 IN A 198.51.100.8\nnew 60 IN A 198.51.100.9"));
    let planned = scene.json(&["plan", "--since", &two]);
    assert_eq!((&planned["since"], &planned["plan"]["before"]), (&second.into(), &second.into()));
    assert_eq!((&planned["served"], &planned["plan"]["counts"]["names_new"]), (&third.into(), &1.into()));
    assert_eq!(planned["plan"]["counts"]["names_changed"], 2, "mail, and the alias that leads there");
    scene.write("zones/acme/shop.example.zone", &zone("").replace(" ; cf_tags=cf-proxied:true", ""));
    let ran = scene.lives.run(&["plan", "--since", &two, "--exit-code"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("held[guard-zone-unproxied]: account acme: "), "{ran:?}");
    assert!(ran.stdout.contains("    mail.shop.example.: gone, the zone's records changed\n"), "{ran:?}");
    scene.write("zones/acme/shop.example.zone", &zone("mail 60 IN A 198.51.100.8"));
    assert_eq!(scene.lives.status().generation, third, "a plan publishes nothing");

    // blame
    let blame = scene.json(&["blame", "www.shop.example"]);
    assert_eq!(blame["entry"]["generation"], second);
    assert_eq!(
        (&blame["place"]["file"], &blame["place"]["line"]),
        (&"addrmaps/acme/maps.toml".into(), &2.into())
    );
    assert_eq!(blame["before"], serde_json::json!(["www.shop.example. 300 A 203.0.113.1"]));
    let text = scene.fine(&["blame", "mail.shop.example", "A"]);
    for expected in [
        "mail.shop.example. A\nanswer      mail.shop.example. 60 A 198.51.100.8\n",
        "before      mail.shop.example. 60 A 198.51.100.7\n",
        &format!("since       {three}  "),
        &format!("commit      {SECOND}\n"),
        "at          zones/acme/shop.example.zone:4\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // By way of an alias in another zone.
    let blame = scene.json(&["blame", "far.alias.example"]);
    assert_eq!((&blame["entry"]["generation"], &blame["place"]["line"]), (&third.into(), &4.into()));
    assert_eq!(blame["place"]["file"], "zones/acme/shop.example.zone");
    let text = scene.fine(&["blame", "www.alias.example"]);
    assert!(text.contains(&format!("since       {one}  ")), "{text}");
    assert!(text.contains("the oldest that is remembered, or before"), "{text}");

    // explain --at
    for (at, address) in [(&one, "203.0.113.1"), (&two, "203.0.113.2"), (&three, "203.0.113.2")] {
        let text = scene.fine(&["explain", "www.shop.example", "--at", at]);
        assert!(text.contains(&format!("www.shop.example.\t300\tIN\tA\t{address}\n")), "{at}: {text}");
    }
    let then = scene.json(&["explain", "far.alias.example", "--at", &two]);
    assert_eq!(then["response"]["answer"][1]["data"], "198.51.100.7");
    let now = scene.json(&["explain", "far.alias.example", "--at", "0s ago"]);
    assert_eq!(now["response"]["answer"][1]["data"], "198.51.100.8");

    // A restart keeps it all, whichever way the server ended.
    let before = scene.json(&["history"]);
    scene.lives.stop();
    scene.start();
    assert_eq!(scene.json(&["history"]), before);
    scene.lives.kill();
    scene.start();
    assert_eq!(scene.json(&["history"]), before);
    let blame = scene.json(&["blame", "www.shop.example"]);
    assert_eq!(blame["entry"]["generation"], second);
    scene.write("zones/acme/shop.example.zone", &zone(""));
    let fourth = scene.reload();
    assert_eq!(generations(&scene.json(&["history"])), [fourth, third, second, first]);
    let blame = scene.json(&["blame", "mail.shop.example"]);
    assert_eq!((&blame["entry"]["generation"], &blame["answer"][0]), (&fourth.into(), &"NXDOMAIN".into()));
    assert_eq!((&blame["place"]["line"], &blame["files"][0]["change"]), (&4.into(), &"~".into()));
    scene.lives.stop();
}

#[test]
fn what_is_unknown_or_empty_is_an_error_and_never_the_newest() {
    let mut scene = Scene::new();
    let served = scene.lives.status().generation.to_string();
    let failed = |ran: Ran, says: &str| {
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
    };
    for wrong in ["", " ", "latest", "2026-02-30T00:00:00Z"] {
        let says = if wrong.trim().is_empty() { "it is empty" } else { "neither a generation nor a time" };
        failed(scene.lives.run(&["show", wrong]), says);
        failed(scene.lives.run(&["diff", wrong, &served]), says);
        failed(scene.lives.run(&["diff", &served, wrong]), says);
        failed(scene.lives.run(&["explain", "www.shop.example", "--at", wrong]), says);
        failed(scene.lives.run(&["plan", "--since", wrong]), says);
    }
    for unknown in ["5", "0", "18446744073709551615"] {
        let says = format!("generation {unknown} is not remembered: there is {served} alone");
        failed(scene.lives.run(&["show", unknown]), &says);
        failed(scene.lives.run(&["diff", &served, unknown]), &says);
        failed(scene.lives.run(&["explain", "www.shop.example", "--at", unknown]), &says);
        failed(scene.lives.run(&["plan", "--since", unknown]), &says);
    }
    failed(scene.lives.run(&["plan", "--since", &served, "--from", "base"]), "cannot be used with");
    failed(scene.lives.run(&["show", "10000d ago"]), "what was served then is not remembered");
    failed(scene.lives.run(&["show", "9999-01-01T00:00:00Z"]), "in the future");
    failed(scene.lives.run(&["show"]), "required");
    failed(scene.lives.run(&["diff", &served]), "required");
    failed(scene.lives.run(&["history", "--limit", "0"]), "--limit");
    failed(scene.lives.run(&["history", "--limit", ""]), "--limit");
    failed(scene.lives.run(&["blame", ""]), "invalid value '' for '<NAME>'");
    failed(
        scene.lives.run(&["explain", "www.shop.example", "--at", &served, "--files"]),
        "cannot be used with",
    );
    scene.lives.stop();
    failed(scene.lives.run(&["history"]), "no portolan is running");
    assert!(Path::new(&scene.lives.state).join("pack").exists());
}
