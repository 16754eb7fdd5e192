//! Asks a server many questions, several at a time, over UDP and where an answer is cut short over TCP.

use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::wire::edns::Options;
use crate::wire::reader::Message;
use crate::wire::writer::Writer;
use crate::wire::{Edns, HEADER_LEN, Header, Name, NameBuf, Question, Rcode, RrType};

/// Questions that wait for their answers at a time.
const WINDOW: usize = 64;
/// A question is asked so often before it counts as not answered.
const TRIES: u32 = 3;
/// So many questions in a row without an answer: the server has gone.
const GONE: u32 = 16;
/// The largest UDP answer that is asked for: no fragment on any common path.
const UDP_SIZE: u16 = 1232;
/// Room for any datagram.
const ROOM: usize = 65_535;

/// What is asked: a name and a type of class IN.
pub(super) type Asked = (Name, RrType);

/// What comes back.
pub(super) enum Heard {
    /// An answer.
    Answer(Message),
    /// What is no DNS message.
    Unreadable,
    /// Nothing, however often it was asked.
    Nothing,
}

/// Asks one server.
pub(super) struct Asker {
    server: SocketAddr,
    socket: UdpSocket,
    stream: Option<TcpStream>,
    timeout: Duration,
    waiting: HashMap<u16, Waiting>,
    /// When which question is asked again, and which of its tries that ends; in the order of time.
    deadlines: VecDeque<(Instant, u16, u32)>,
    next_id: u16,
    /// Answers heard.
    heard: u64,
    /// Questions in a row that were not answered.
    silent: u32,
}

struct Waiting {
    asked: Asked,
    packet: Vec<u8>,
    tries: u32,
}

impl Asker {
    /// Waits `timeout` for each try of a question.
    pub(super) fn new(server: SocketAddr, timeout: Duration) -> Result<Asker, String> {
        let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0));
        // Connected it hears nobody else, and is told where nothing listens.
        let socket = socket.and_then(|socket| socket.connect(server).map(|()| socket));
        let socket = socket.map_err(|error| format!("cannot ask {server}: {error}"))?;
        let next_id = std::process::id() as u16;
        Ok(Asker {
            server,
            socket,
            stream: None,
            timeout,
            waiting: HashMap::new(),
            deadlines: VecDeque::new(),
            next_id,
            heard: 0,
            silent: 0,
        })
    }

    /// Asks all questions and tells what comes back, in any order. An error is a server that does not answer at all,
    /// or not any more.
    pub(super) fn ask(
        &mut self,
        mut questions: impl Iterator<Item = Asked>,
        mut hear: impl FnMut(Asked, Heard),
    ) -> Result<(), String> {
        let mut packet = vec![0; ROOM];
        loop {
            while self.waiting.len() < WINDOW {
                let Some(asked) = questions.next() else { break };
                self.send_first(asked)?;
            }
            if self.waiting.is_empty() {
                return Ok(());
            }
            self.forget_deadlines();
            let Some((until, ..)) = self.deadlines.front() else { return Ok(()) };
            // What has come already is heard before anything is too late.
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).map_err(|error| self.failed(&error))?;
            match self.socket.recv(&mut packet) {
                Ok(len) => self.take(&packet[..len], &mut hear),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => self.expire(&mut hear)?,
                    ErrorKind::Interrupted => {}
                    ErrorKind::ConnectionRefused if self.heard == 0 => return Err(self.nobody()),
                    // It may be back before the question is given up.
                    ErrorKind::ConnectionRefused => {}
                    _ => return Err(self.failed(&error)),
                },
            }
        }
    }

    fn failed(&self, error: &std::io::Error) -> String {
        format!("cannot ask {}: {error}", self.server)
    }

    fn nobody(&self) -> String {
        format!("nothing listens at {}", self.server)
    }

    fn send_first(&mut self, asked: Asked) -> Result<(), String> {
        while self.waiting.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let packet = query(id, &asked);
        self.waiting.insert(id, Waiting { asked, packet, tries: 0 });
        self.send(id)
    }

    /// Sends a question, again or for the first time.
    fn send(&mut self, id: u16) -> Result<(), String> {
        let Some(waiting) = self.waiting.get_mut(&id) else { return Ok(()) };
        waiting.tries += 1;
        self.deadlines.push_back((Instant::now() + self.timeout, id, waiting.tries));
        let mut sent = self.socket.send(&waiting.packet);
        if sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) && self.heard > 0 {
            // That was about a packet before, and keeps this one back.
            sent = self.socket.send(&waiting.packet);
        }
        match sent {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && self.heard == 0 => {
                Err(self.nobody())
            }
            Err(error) if !is_passing(error.kind()) => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    /// Takes what came, if it answers anything.
    fn take(&mut self, packet: &[u8], hear: &mut impl FnMut(Asked, Heard)) {
        let Some(head) = packet.first_chunk::<HEADER_LEN>() else { return };
        let (id, flags) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
        let Some(waiting) = self.waiting.get(&id).filter(|_| flags & Header::QR != 0) else { return };
        let message = Message::parse(packet);
        if message.as_ref().is_some_and(|message| !answers(message, &waiting.asked)) {
            return;
        }
        let Some(Waiting { asked, packet, .. }) = self.waiting.remove(&id) else { return };
        self.heard += 1;
        self.silent = 0;
        let heard = match message {
            _ if flags & Header::TC != 0 => self.by_stream(&packet, &asked),
            Some(message) => Heard::Answer(message),
            None => Heard::Unreadable,
        };
        hear(asked, heard);
    }

    /// Asks again, or gives up, what was to be answered by now.
    fn expire(&mut self, hear: &mut impl FnMut(Asked, Heard)) -> Result<(), String> {
        let now = Instant::now();
        while let Some((_, id, tried)) = self.deadlines.front().copied().filter(|(until, ..)| *until <= now) {
            self.deadlines.pop_front();
            let Some(waiting) = self.waiting.get(&id).filter(|waiting| waiting.tries == tried) else {
                continue;
            };
            if waiting.tries < TRIES {
                self.send(id)?;
                continue;
            }
            let Some(Waiting { asked, .. }) = self.waiting.remove(&id) else { continue };
            self.silent += 1;
            if self.heard == 0 {
                return Err(format!("no answer from {}", self.server));
            }
            if self.silent == GONE {
                return Err(format!("{} has stopped answering", self.server));
            }
            hear(asked, Heard::Nothing);
        }
        Ok(())
    }

    /// Forgets the deadlines that answered questions left behind.
    fn forget_deadlines(&mut self) {
        let waits =
            |id: &u16, tried: &u32| self.waiting.get(id).is_some_and(|waiting| waiting.tries == *tried);
        while self.deadlines.front().is_some_and(|(_, id, tried)| !waits(id, tried)) {
            self.deadlines.pop_front();
        }
    }

    /// Asks over TCP: over the connection that is there, or a new one where that has ended.
    fn by_stream(&mut self, packet: &[u8], asked: &Asked) -> Heard {
        for _ in 0..2 {
            let kept = self.stream.is_some();
            match self.over_tcp(packet) {
                Ok(bytes) => {
                    return match Message::parse(&bytes) {
                        Some(message) if answers(&message, asked) => Heard::Answer(message),
                        _ => Heard::Unreadable,
                    };
                }
                Err(_) => self.stream = None,
            }
            if !kept {
                break;
            }
        }
        Heard::Nothing
    }

    fn over_tcp(&mut self, packet: &[u8]) -> std::io::Result<Vec<u8>> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect_timeout(&self.server, self.timeout)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(self.timeout))?;
                stream.set_write_timeout(Some(self.timeout))?;
                none.insert(stream)
            }
        };
        // A query is far below 65535 octets.
        stream.write_all(&[&(packet.len() as u16).to_be_bytes()[..], packet].concat())?;
        let mut len = [0; 2];
        stream.read_exact(&mut len)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

/// Whether a failed send may work when it is tried again.
fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

/// Whether a message answers the question. A server that could not read it may leave it out.
fn answers(message: &Message, (name, qtype): &Asked) -> bool {
    match &message.question {
        Some((asked, rtype, _)) => asked == name && rtype == qtype,
        None => message.rcode() != Rcode::NOERROR,
    }
}

/// A query without recursion desired, with EDNS.
fn query(id: u16, (name, qtype): &Asked) -> Vec<u8> {
    let lower = NameBuf::lower_of(name);
    let question = Question::new(&lower, *qtype);
    let mut packet = vec![0; question.end() + crate::wire::edns::OPT_LEN];
    let (end, limit) = (question.end(), packet.len());
    question.put(Header { id, flags: 0 }, name, &mut packet).expect("there is room for the question");
    packet[HEADER_LEN - 1] = 1;
    let mut writer = Writer::resume(&mut packet, end, limit);
    Edns::of_size(UDP_SIZE)
        .write(UDP_SIZE, Rcode::NOERROR, Options::default(), &mut writer)
        .expect("there is room for the OPT");
    packet
}
