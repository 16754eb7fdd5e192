//! `serve` as a whole: ready, scraped, stopped by a signal. One test only, for a signal reaches the whole process.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use portolan::answer::Settings;
use portolan::cli::serve::{ServeParts, serve_with};
use portolan::control::{Engine, LockError, Sources, StartFrom, StateLock, WatchMode};
use portolan::server::{Given, Listen, TcpLimits};
use portolan::telemetry::Facts;

#[test]
fn serves_until_sigterm_or_sigint() {
    for signal in ["TERM", "INT"] {
        let parent = tempfile::tempdir().unwrap();
        let state = parent.path().join("state");
        let lock = StateLock::acquire(&state).unwrap();
        let sources =
            Sources { zones: parent.path().join("zones"), addrmaps: parent.path().join("addrmaps") };
        std::fs::create_dir(&sources.zones).unwrap();
        let (engine, first) =
            Engine::start(sources, &state, StartFrom::State, Default::default(), Default::default()).unwrap();
        let generation = first.generation;
        let parts = ServeParts {
            lock,
            listen: vec![Listen { addr: "127.0.0.1:0".parse().unwrap(), is_default: false }],
            given: Given::default(),
            workers: 2,
            tcp: TcpLimits::default(),
            metrics: Some("127.0.0.1:0".parse().unwrap()),
            settings: Settings::default(),
            engine,
            first,
            watch: WatchMode::Off,
            socket: parent.path().join("control.sock"),
            facts: |snapshot| Facts { generation: snapshot.generation, ..Facts::default() },
            started: Instant::now(),
        };
        let mut scraped = None;
        serve_with(parts, |serving| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let query = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01";
            socket.send_to(query, serving.addresses[0]).unwrap();
            let mut answer = [0; 512];
            let (_, from) = socket.recv_from(&mut answer).unwrap();
            assert_eq!((from, answer[3] & 0xf), (serving.addresses[0], 5));

            let error = StateLock::acquire(&parent.path().join("state")).unwrap_err();
            assert!(matches!(error, LockError::InUse { .. }), "{error}");
            assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");

            // Serving goes on only when this returns; the page is fetched and the signal sent from outside.
            let address = serving.metrics.unwrap();
            scraped = Some(std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
                let mut page = String::new();
                stream.read_to_string(&mut page).unwrap();
                let pid = std::process::id().to_string();
                let sent = Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
                assert!(sent.success());
                page
            }));
        })
        .unwrap();
        let page = scraped.unwrap().join().unwrap();
        assert!(page.contains(&format!("\nportolan_generation {generation}\n")), "{page}");
        let counted = "\nportolan_queries_total{transport=\"udp\",type=\"A\",rcode=\"REFUSED\"} 1\n";
        assert!(page.contains(counted), "{page}");
    }
}
