//! Servers on free ports of loopback, each in a folder of its own, ended by their own process id.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portolan::answer::Transport;
use portolan::model::ZoneData;
use portolan::wire::Header;
use portolan::wire::reader::Message;
use portolan::wire::{Rcode, RrType};
use tempfile::TempDir;

use crate::support::ask::Ask;
use crate::support::text;

/// How long a server may take to load its zones, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one try waits for an answer.
const TRY: Duration = Duration::from_millis(250);

/// A running server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    child: Child,
    pub(crate) address: SocketAddrV4,
    udp: UdpSocket,
    tcp: Option<TcpStream>,
    folder: TempDir,
}

/// NSD, Knot and BIND with the same zones.
pub(crate) fn peers(zones: &[&ZoneData]) -> Vec<Server> {
    vec![
        Server::start("NSD", zones, |folder, files, address| {
            fs::write(folder.join("nsd.conf"), nsd_conf(folder, files, address))?;
            Ok(command("nsd", &["-d", "-c"], &folder.join("nsd.conf")))
        }),
        Server::start("Knot", zones, |folder, files, address| {
            fs::write(folder.join("knot.conf"), knot_conf(folder, files, address))?;
            Ok(command("knotd", &["-c"], &folder.join("knot.conf")))
        }),
        Server::start("BIND", zones, |folder, files, address| {
            fs::write(folder.join("named.conf"), named_conf(folder, files, address))?;
            Ok(command("named", &["-g", "-n", "1", "-c"], &folder.join("named.conf")))
        }),
    ]
}

/// Portolan's own binary with the same zones, all in one account.
pub(crate) fn portolan(zones: &[&ZoneData]) -> Server {
    Server::start("Portolan", zones, |folder, files, address| {
        let account = folder.join("zones/interop");
        for folder in [&account, &folder.join("addrmaps"), &folder.join("state")] {
            fs::create_dir_all(folder)?;
        }
        for (zone, file) in files {
            fs::copy(file, account.join(format!("{}zone", text::absolute(&zone.origin))))?;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        command.arg("serve");
        for name in ["zones", "addrmaps", "state"] {
            command.arg(format!("--{name}")).arg(folder.join(name));
        }
        command.arg("--listen").arg(address.to_string()).current_dir(folder);
        Ok(command)
    })
}

fn command(program: &str, options: &[&str], config: &Path) -> Command {
    // Debian puts the servers where an ordinary user's path does not lead.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let mut command = Command::new(program);
    command.env("PATH", path).args(options).arg(config);
    command
}

/// Zones with the master file of each.
type Files<'z> = [(&'z ZoneData, PathBuf)];

impl Server {
    fn start<'z>(
        name: &'static str,
        zones: &[&'z ZoneData],
        prepare: impl Fn(&Path, &Files<'z>, SocketAddrV4) -> io::Result<Command>,
    ) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files: Vec<(&ZoneData, PathBuf)> = zones
            .iter()
            .enumerate()
            .map(|(index, zone)| {
                let file = folder.path().join(format!("{index}.zone"));
                fs::write(&file, master_file(zone)).expect("a zone can be written");
                (*zone, file)
            })
            .collect();
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_port());
        let log = File::create(folder.path().join("log")).expect("a log can be written");
        let mut command = prepare(folder.path(), &files, address).expect("the configuration can be written");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log has two handles"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        udp.connect(address).expect("loopback can be reached");
        udp.set_read_timeout(Some(TRY)).expect("a time limit");
        let mut server = Server { name, child, address, udp, tcp: None, folder };
        server.wait_until_ready(zones);
        server
    }

    /// Asks every zone for its SOA until it is answered with authority.
    fn wait_until_ready(&mut self, zones: &[&ZoneData]) {
        let end = Instant::now() + PATIENCE;
        for zone in zones {
            let packet = Ask::new(zone.origin.clone(), RrType::SOA).packet();
            loop {
                let reply = self.try_udp(&packet).ok().and_then(|reply| Message::parse(&reply));
                let ready =
                    |reply: Message| reply.rcode() == Rcode::NOERROR && reply.header.flags & Header::AA != 0;
                if reply.is_some_and(ready) {
                    break;
                }
                let ended = self.child.try_wait().expect("a child can be asked");
                assert!(
                    ended.is_none() && Instant::now() < end,
                    "{} does not serve {}: {}\n{}",
                    self.name,
                    zone.origin,
                    ended.map_or_else(|| "still running".to_owned(), |status| status.to_string()),
                    fs::read_to_string(self.folder.path().join("log")).unwrap_or_default(),
                );
                std::thread::yield_now();
            }
        }
    }

    /// One query and its answer; a lost datagram is sent again.
    pub(crate) fn exchange(&mut self, packet: &[u8], transport: Transport) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        loop {
            let reply = match transport {
                Transport::Udp => self.try_udp(packet),
                Transport::Stream => self.try_tcp(packet),
            };
            match reply {
                Ok(reply) => return reply,
                Err(error) => assert!(Instant::now() < end, "{} does not answer: {error}", self.name),
            }
        }
    }

    fn try_udp(&mut self, packet: &[u8]) -> io::Result<Vec<u8>> {
        let mut reply = vec![0; 65535];
        self.udp.send(packet)?;
        loop {
            let len = self.udp.recv(&mut reply)?;
            // What belongs to an earlier try is not this answer.
            if reply[..len].get(..2) == packet.get(..2) && reply[..len].get(12..packet.len()).is_some() {
                reply.truncate(len);
                return Ok(reply);
            }
        }
    }

    fn try_tcp(&mut self, packet: &[u8]) -> io::Result<Vec<u8>> {
        // A connection that broke is not kept.
        let mut stream = match self.tcp.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address)?,
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut message = (packet.len() as u16).to_be_bytes().to_vec();
        message.extend(packet);
        stream.write_all(&message)?;
        let mut len = [0; 2];
        stream.read_exact(&mut len)?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut reply)?;
        self.tcp = Some(stream);
        Ok(reply)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A polite end, so that a server with several processes ends them all.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::yield_now();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free for both transports.
fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = tcp.local_addr().expect("a bound socket").port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A master file that every server reads: types younger than the servers in the form of RFC 3597.
fn master_file(zone: &ZoneData) -> String {
    let mut lines = String::new();
    for record in &zone.records {
        let owner = text::absolute(&record.owner);
        let rdata = text::rdata(record.rtype, &record.rdata);
        let _ = writeln!(lines, "{owner} {} IN {} {rdata}", record.ttl, record.rtype);
    }
    lines
}

fn nsd_conf(folder: &Path, files: &Files<'_>, address: SocketAddrV4) -> String {
    let (dir, ip, port) = (folder.display(), address.ip(), address.port());
    let mut conf = format!(
        "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  zonesdir: \"{dir}\"\n  database: \"\"\n  \
         pidfile: \"{dir}/nsd.pid\"\n  xfrdfile: \"{dir}/xfrd.state\"\n  zonelistfile: \"{dir}/zone.list\"\n  \
         xfrdir: \"{dir}\"\n  server-count: 1\n  minimal-responses: yes\n  refuse-any: no\n  rrl-ratelimit: 0\n\
         remote-control:\n  control-enable: no\n"
    );
    for (zone, file) in files {
        let _ = writeln!(
            conf,
            "zone:\n  name: \"{}\"\n  zonefile: \"{}\"",
            text::absolute(&zone.origin),
            file.display()
        );
    }
    conf
}

fn knot_conf(folder: &Path, files: &Files<'_>, address: SocketAddrV4) -> String {
    let (dir, ip, port) = (folder.display(), address.ip(), address.port());
    let mut conf = format!(
        "server:\n  rundir: \"{dir}\"\n  listen: {ip}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: \"{dir}\"\n\
         template:\n  - id: default\n    storage: \"{dir}\"\n    zonefile-sync: -1\n    journal-content: none\nzone:\n"
    );
    for (zone, file) in files {
        let _ = writeln!(
            conf,
            "  - domain: \"{}\"\n    file: \"{}\"",
            text::absolute(&zone.origin),
            file.display()
        );
    }
    conf
}

fn named_conf(folder: &Path, files: &Files<'_>, address: SocketAddrV4) -> String {
    let (dir, ip, port) = (folder.display(), address.ip(), address.port());
    let mut conf = format!(
        "options {{\n  directory \"{dir}\";\n  pid-file \"{dir}/named.pid\";\n  session-keyfile none;\n  \
         listen-on port {port} {{ {ip}; }};\n  listen-on-v6 {{ none; }};\n  recursion no;\n  minimal-responses yes;\n  \
         dnssec-validation no;\n  notify no;\n  empty-zones-enable no;\n  check-names primary ignore;\n  \
         check-integrity no;\n  check-mx ignore;\n  check-wildcard no;\n  zone-statistics none;\n}};\ncontrols {{ }};\n"
    );
    for (zone, file) in files {
        let (origin, file) = (text::absolute(&zone.origin), file.display());
        let _ = writeln!(conf, "zone \"{origin}\" {{ type primary; file \"{file}\"; }};");
    }
    conf
}
