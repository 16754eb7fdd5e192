//! Messages: a question to bytes, bytes to an answer. Written from RFC 1035 and RFC 6891 alone.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::present;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(200);

/// A question and how it is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    pub name: String,
    pub rtype: u16,
    pub class: u16,
    pub opcode: u16,
    pub recursion: bool,
    pub response: bool,
    pub tcp: bool,
    pub edns: Option<Edns>,
}

/// What the OPT record of a question says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edns {
    pub size: u16,
    pub version: u8,
    pub dnssec: bool,
    /// Asks who answers (RFC 5001).
    pub nsid: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub flags: u16,
    pub rcode: u16,
    pub sections: [Vec<Record>; 3],
    pub opt: Option<Opt>,
    pub len: usize,
}

/// A record in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    pub owner: String,
    pub ttl: u32,
    pub class: String,
    pub rtype: String,
    pub rdata: String,
}

/// The OPT record of an answer.
#[derive(Clone, Debug)]
pub struct Opt {
    pub size: u16,
    pub version: u8,
    pub dnssec: bool,
    /// Extended errors (RFC 8914): code and text.
    pub errors: Vec<(u16, String)>,
    /// Who answers (RFC 5001).
    pub nsid: Option<String>,
}

impl Ask {
    pub fn new(name: &str, rtype: u16) -> Ask {
        Ask {
            name: name.to_owned(),
            rtype,
            class: 1,
            opcode: 0,
            recursion: false,
            response: false,
            tcp: false,
            edns: None,
        }
    }

    /// Asks; `None` is silence.
    pub fn send(&self, to: SocketAddr) -> Option<Reply> {
        let packet = self.encode();
        let over = if self.tcp { over_tcp } else { over_udp };
        let answer = over(to, &packet, self.response)?;
        let question = 12..question_end(&packet);
        assert_eq!(
            answer.get(question.clone()),
            packet.get(question),
            "the question comes back as it was asked"
        );
        Some(decode(&answer))
    }

    /// Asks over a socket of one's own, which is connected and has a timeout; `None` is silence.
    pub fn send_over(&self, socket: &UdpSocket, id: u16) -> Option<Reply> {
        let mut packet = self.encode();
        packet[..2].copy_from_slice(&id.to_be_bytes());
        socket.send(&packet).unwrap();
        let mut answer = [0; 4096];
        let len = socket.recv(&mut answer).ok()?;
        let question = 12..question_end(&packet);
        assert_eq!(answer[..2], packet[..2], "the answer has the id of the question");
        assert_eq!(answer[question.clone()], packet[question], "the question comes back as it was asked");
        Some(decode(&answer[..len]))
    }

    fn encode(&self) -> Vec<u8> {
        let flags = u16::from(self.response) << 15 | self.opcode << 11 | u16::from(self.recursion) << 8;
        let words = [0x1234, flags, 1, 0, 0, u16::from(self.edns.is_some())];
        let mut packet: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
        packet.extend(wire_name(&self.name));
        packet.extend(self.rtype.to_be_bytes());
        packet.extend(self.class.to_be_bytes());
        if let Some(edns) = self.edns {
            packet.extend([0, 0, 41]);
            packet.extend(edns.size.to_be_bytes());
            packet.extend([0, edns.version, u8::from(edns.dnssec) << 7, 0, 0]);
            packet.extend(if edns.nsid { &[4, 0, 3, 0, 0][..] } else { &[0] });
        }
        packet
    }
}

fn over_udp(to: SocketAddr, packet: &[u8], expect_silence: bool) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(if expect_silence { SILENCE } else { PATIENCE })).unwrap();
    socket.connect(to).unwrap();
    socket.send(packet).unwrap();
    let mut answer = vec![0; 65535];
    let len = socket.recv(&mut answer).ok()?;
    answer.truncate(len);
    assert_eq!(answer[..2], packet[..2], "the answer has the id of the question");
    Some(answer)
}

fn over_tcp(to: SocketAddr, packet: &[u8], expect_silence: bool) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(if expect_silence { SILENCE } else { PATIENCE })).unwrap();
    let mut framed = (packet.len() as u16).to_be_bytes().to_vec();
    framed.extend(packet);
    stream.write_all(&framed).unwrap();
    let mut len = [0; 2];
    if let Err(error) = stream.read_exact(&mut len) {
        assert!(expect_silence && error.kind() == ErrorKind::WouldBlock, "{error}");
        return None;
    }
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer).unwrap();
    Some(answer)
}

fn question_end(packet: &[u8]) -> usize {
    let mut at = 12;
    while packet[at] != 0 {
        at += 1 + usize::from(packet[at]);
    }
    at + 5
}

fn decode(packet: &[u8]) -> Reply {
    let word = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    let flags = word(2);
    let mut reply =
        Reply { flags, rcode: flags & 0xf, sections: Default::default(), opt: None, len: packet.len() };
    let mut at = 12;
    for _ in 0..word(4) {
        at = read_name(packet, at).1 + 4;
    }
    for (section, count) in [word(6), word(8), word(10)].into_iter().enumerate() {
        for _ in 0..count {
            let (owner, head) = read_name(packet, at);
            let (rtype, class) = (word(head), word(head + 2));
            let ttl = u32::from(word(head + 4)) << 16 | u32::from(word(head + 6));
            let rdata = head + 10..head + 10 + usize::from(word(head + 8));
            at = rdata.end;
            if rtype == 41 {
                assert!(reply.opt.is_none(), "one OPT record at most");
                reply.rcode |= (ttl >> 24 << 4) as u16;
                reply.opt = Some(Opt {
                    size: class,
                    version: (ttl >> 16) as u8,
                    dnssec: ttl & 0x8000 != 0,
                    errors: extended_errors(&packet[rdata.clone()]),
                    nsid: nsid(&packet[rdata]),
                });
                continue;
            }
            reply.sections[section].push(Record {
                owner,
                ttl,
                class: present::class(class),
                rtype: present::rtype(rtype),
                rdata: present::rdata(rtype, packet, rdata),
            });
        }
    }
    assert_eq!(at, packet.len(), "nothing stands behind the last record");
    reply
}

fn extended_errors(rdata: &[u8]) -> Vec<(u16, String)> {
    let errors = options(rdata).into_iter().filter(|(option, _)| *option == 15);
    let read = |data: &[u8]| {
        (u16::from_be_bytes([data[0], data[1]]), String::from_utf8_lossy(&data[2..]).into_owned())
    };
    errors.map(|(_, data)| read(data)).collect()
}

fn nsid(rdata: &[u8]) -> Option<String> {
    let found = options(rdata).into_iter().find(|(option, _)| *option == 3);
    found.map(|(_, data)| String::from_utf8(data.to_vec()).unwrap())
}

/// The options of an OPT record: code and data.
fn options(mut rdata: &[u8]) -> Vec<(u16, &[u8])> {
    let mut options = Vec::new();
    while let [c0, c1, l0, l1, rest @ ..] = rdata {
        let (data, next) = rest.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
        options.push((u16::from_be_bytes([*c0, *c1]), data));
        rdata = next;
    }
    options
}

/// A name in presentation form, and the offset behind it.
pub fn read_name(packet: &[u8], mut at: usize) -> (String, usize) {
    let mut name = String::new();
    let mut behind = None;
    loop {
        let len = usize::from(packet[at]);
        match len {
            0 => {
                if name.is_empty() {
                    name.push('.');
                }
                return (name, behind.unwrap_or(at + 1));
            }
            1..=63 => {
                for &octet in &packet[at + 1..=at + len] {
                    present::push_label_octet(&mut name, octet);
                }
                name.push('.');
                at += 1 + len;
            }
            _ => {
                behind.get_or_insert(at + 2);
                let target = (len & 0x3f) << 8 | usize::from(packet[at + 1]);
                assert!(target < at, "a pointer leads back");
                at = target;
            }
        }
    }
}

/// The wire form of a name, with or without its final dot.
fn wire_name(name: &str) -> Vec<u8> {
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    let mut octets = name.bytes();
    while let Some(octet) = octets.next() {
        let last = labels.last_mut().unwrap();
        match octet {
            b'.' => labels.push(Vec::new()),
            b'\\' => {
                let next = octets.next().expect("something follows a backslash");
                if next.is_ascii_digit() {
                    let digits = [next, octets.next().unwrap(), octets.next().unwrap()];
                    last.push(std::str::from_utf8(&digits).unwrap().parse().unwrap());
                } else {
                    last.push(next);
                }
            }
            _ => last.push(octet),
        }
    }
    let labels = labels.into_iter().filter(|label| !label.is_empty());
    let mut wire: Vec<u8> = labels.flat_map(|label| [vec![label.len() as u8], label].concat()).collect();
    wire.push(0);
    wire
}
