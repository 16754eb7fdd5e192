//! Killed while files change and while it starts, with guards off.

use std::fs;
use std::path::Path;
use std::time::Duration;

use portolan::control::report::Outcome;
use portolan::control::talk::{self, Reply, Request, TalkError};

use super::client::dns::Ask;
use super::client::lives::{Lives, without_guards};
use super::{Random, is_calm, kills, put_aside, start_in_sync};

const ZONES: [&str; 3] = ["a.example", "b.example", "c.example"];
/// Records that make a zone large enough for its writing to take a while.
const FILLER: u32 = 400;

fn address(version: u32) -> String {
    format!("198.51.{}.{}", version / 250, version % 250)
}

/// Writes a version: every file of the account says its number. Not one after the other in the same order.
pub(crate) fn write(folder: &Path, version: u32, random: &mut Random) {
    let mut files: Vec<(String, String)> = ZONES
        .iter()
        .map(|zone| {
            let filler: String =
                (0..FILLER).map(|n| format!("n{n} TXT \"filler {version} of {n}\"\n")).collect();
            let text = format!(
                "$TTL 60\n@ SOA ns.{zone}. host.{zone}. {version} 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n\
                 v TXT \"{version}\"\nwww 1 A 203.0.113.7 ; cf_tags=cf-proxied:true\n$INCLUDE sub/common.inc\n{filler}"
            );
            (format!("zones/acme/{zone}.zone"), text)
        })
        .collect();
    files.push(("zones/acme/sub/common.inc".into(), format!("included TXT \"{version}\"\n")));
    files.push((
        "addrmaps/acme/map.toml".into(),
        format!(
            "[[address_map]]\nid = \"acme\"\nenabled = true\naccount_wide = true\nips = [\"{}\"]\n",
            address(version)
        ),
    ));
    let first = random.below(files.len() as u64) as usize;
    files.rotate_left(first);
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if random.below(2) == 0 {
            fs::write(path, text).unwrap();
        } else {
            let beside = path.with_extension("tmp");
            fs::write(&beside, text).unwrap();
            fs::rename(beside, path).unwrap();
        }
    }
}

fn only_answer(lives: &Lives, name: &str, rtype: u16) -> String {
    let reply = Ask::new(name, rtype).send(lives.address).expect("an answer");
    let [answer, ..] = &reply.sections;
    assert_eq!((reply.rcode, answer.len()), (0, 1), "{name}: {reply:?}\n{}", lives.log());
    answer[0].rdata.trim_matches('"').to_owned()
}

/// The version that is served, which must be one and the same everywhere.
pub(crate) fn served(lives: &Lives) -> u32 {
    let version: u32 = only_answer(lives, "v.a.example", 16).parse().unwrap();
    for zone in ZONES {
        let said = ["v", "included"].map(|name| only_answer(lives, &format!("{name}.{zone}"), 16));
        let mapped = only_answer(lives, &format!("www.{zone}"), 1);
        assert_eq!(said, [version.to_string(), version.to_string()], "{zone}\n{}", lives.log());
        assert_eq!(mapped, address(version), "{zone}, version {version}\n{}", lives.log());
    }
    version
}

/// Whether a reload took everything that is there.
pub(crate) fn took_all(reply: &Reply) -> bool {
    let Reply::Change(change) = reply else { return false };
    matches!(change.outcome, Outcome::Published | Outcome::Unchanged)
        && change.held.is_empty()
        && change.problems.iter().all(|problem| problem.code != "being-written")
}

fn ask(socket: &Path) -> Result<Reply, TalkError> {
    talk::ask(socket, &Request::Reload { what: Vec::new(), without_state: false })
}

/// Has everything read again, as `portolan reload` does.
pub(crate) fn reload(lives: &Lives) -> Result<Reply, TalkError> {
    ask(&lives.state.join(talk::SOCKET))
}

#[test]
fn a_server_killed_at_any_moment_starts_with_one_whole_version() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    without_guards(folder);
    let mut lives = Lives::new(folder, &folder.join("state"));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut version, mut confirmed) = (1, 1);
    let (mut left_out, mut at_start, mut lone, mut torn, mut newest, mut older) = (0, 0, 0, 0, 0, 0);
    write(folder, version, &mut random);
    start_in_sync(&mut lives, &[]);
    assert_eq!(served(&lives), 1);

    let kills = kills(60);
    for _ in 0..kills {
        // Up to two versions that are confirmed, and one that is on its way when the server is killed.
        for _ in 0..random.below(3) {
            version += 1;
            write(folder, version, &mut random);
            if took_all(&reload(&lives).unwrap()) {
                confirmed = version;
                assert_eq!(served(&lives), version);
            } else {
                left_out += 1;
            }
        }
        version += 1;
        write(folder, version, &mut random);
        let most = [5_000, 15_000, 50_000][random.below(3) as usize];
        let moment = Duration::from_micros(random.below(most));
        if random.below(3) == 0 {
            // The watcher takes it after 200 ms.
            std::thread::sleep(Duration::from_millis(195) + moment);
            lives.kill();
        } else {
            let reply = std::thread::scope(|scope| {
                let socket = lives.state.join(talk::SOCKET);
                let asked = scope.spawn(move || ask(&socket));
                std::thread::sleep(moment);
                lives.kill();
                asked.join().unwrap()
            });
            if reply.is_ok_and(|reply| took_all(&reply)) {
                confirmed = version;
            }
        }

        // Killed while it starts, too.
        while random.below(3) == 0 {
            at_start += 1;
            lives.spawn(&[]);
            std::thread::sleep(Duration::from_micros(random.below(120_000)));
            lives.kill();
        }

        put_aside(folder, true);
        lives.start(&["--watch", "off"]);
        let found = served(&lives);
        assert!(
            (confirmed..=version).contains(&found),
            "{found} of {confirmed} to {version}\n{}",
            lives.log()
        );
        let log = lives.kill();
        lone += u32::from(log.contains("not confirmed when the server ended"));
        torn += u32::from(log.contains("cut short"));
        newest += u32::from(found == version);
        older += u32::from(found < version);
        confirmed = found;
        put_aside(folder, false);

        let mode = if random.below(3) > 0 { "events" } else { "off" };
        lives.start(&["--watch", mode]);
        // It follows the files at once, and a status that says so is a promise.
        lives.wait_for_status("in sync", is_calm);
        confirmed = confirmed.max(version);
        assert_eq!(served(&lives), version);
    }
    eprintln!(
        "{kills} kills while changing and {at_start} while starting, {version} versions: the newest served {newest} \
         times, one before it {older} times; {lone} lone intents, {torn} torn ends, {left_out} reloads left a file out"
    );
    lives.stop();
}
