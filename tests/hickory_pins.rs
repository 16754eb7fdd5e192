//! What DoT and DoQ will rely on in hickory, and what we know that it does otherwise. Nothing in `src` uses it yet.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::proto::op::{Header, Metadata};
use hickory_server::proto::rr::rdata::NULL;
use hickory_server::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_server::proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{MessageResponseBuilder, Queries};
use tokio_util::sync::CancellationToken;

const QUESTION: &[u8] = b"\x03WwW\x07ExAmple\x00\x00\x01\x00\x01";
const TSIG: &[u8] = b"\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x1d\x0bhmac-sha256\x00\x00\x00\x00\x00\x00\x01\x01\x2c\x00\x00\x00\x00\x00\x00\x00\x00";
const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";

fn message(id: u16, flags: u16, counts: [u16; 4], tail: &[&[u8]]) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    for count in counts {
        bytes.extend(count.to_be_bytes());
    }
    bytes.extend(tail.concat());
    bytes
}

fn query(id: u16) -> Vec<u8> {
    message(id, 0x0100, [1, 0, 0, 0], &[QUESTION])
}

#[test]
fn the_version_is_the_one_that_was_measured() {
    let lock = include_str!("../Cargo.lock");
    for name in ["hickory-proto", "hickory-net", "hickory-server"] {
        let package = format!("name = \"{name}\"\nversion = \"0.26.3\"\n");
        assert_eq!(lock.matches(&format!("name = \"{name}\"\n")).count(), 1, "{name}");
        assert!(lock.contains(&package), "{name}");
    }
}

#[test]
fn opaque_rdata_is_written_as_given_under_any_type_and_class() {
    let rdata = b"\x01\xc0\x0c\xff";
    for rtype in 0..=u16::MAX {
        let code = RecordType::from(rtype);
        let mut record =
            Record::from_rdata(Name::root(), 7, RData::Unknown { code, rdata: NULL::with(rdata.to_vec()) });
        record.dns_class = DNSClass::from(rtype);
        let mut bytes = Vec::new();
        record.emit(&mut BinEncoder::new(&mut bytes)).unwrap();
        let number = rtype.to_be_bytes();
        let expected = [&[0][..], &number, &number, &[0, 0, 0, 7, 0, 4], rdata].concat();
        assert_eq!(bytes, expected, "type {rtype}");
    }
}

#[test]
fn names_keep_their_case_and_their_octets() {
    for wire in [&b"\x03WwW\x07ExAmple\x00"[..], b"\x02a.\x03\x00\xff\x20\x00", b"\x01*\x00", b"\x00"] {
        let name = Name::read(&mut BinDecoder::new(wire)).unwrap();
        let mut bytes = Vec::new();
        name.emit(&mut BinEncoder::new(&mut bytes)).unwrap();
        assert_eq!(bytes, wire);
    }
}

#[test]
fn names_are_compressed_only_where_the_case_agrees() {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    for text in ["a.example.", "b.example.", "c.EXAMPLE."] {
        Name::from_ascii(text).unwrap().emit(&mut encoder).unwrap();
    }
    assert_eq!(bytes, b"\x01a\x07example\x00\x01b\xc0\x02\x01c\x07EXAMPLE\x00");
}

#[test]
fn the_header_of_an_answer_survives() {
    // All but Z, which is never set.
    for flags in (0..=u16::MAX).filter(|flags| flags & 0x0040 == 0) {
        let bytes = message(0xabcd, flags, [0, 0, 0, 0], &[]);
        let header = Header::read(&mut BinDecoder::new(&bytes)).unwrap();
        let mut written = Vec::new();
        header.emit(&mut BinEncoder::new(&mut written)).unwrap();
        assert_eq!(written, bytes, "{flags:04x}");
    }
}

#[test]
fn a_question_is_kept_octet_for_octet() {
    let bytes = query(1);
    let mut decoder = BinDecoder::new(&bytes);
    Header::read(&mut decoder).unwrap();
    assert_eq!(Queries::read(&mut decoder, 1).unwrap().as_bytes(), QUESTION);
}

#[test]
fn a_request_holds_the_bytes_that_came() {
    let bytes = [query(1), b"behind the end".to_vec()].concat();
    let source = SocketAddr::from((Ipv4Addr::LOCALHOST, 4242));
    let request = Request::from_bytes(bytes.clone(), source, Protocol::Tcp).unwrap();
    assert_eq!(request.as_slice(), bytes);
}

#[test]
fn a_request_for_65535_questions_is_an_error_not_a_panic() {
    let bytes = message(1, 0, [65535, 0, 0, 0], &[]);
    let source = SocketAddr::from((Ipv4Addr::LOCALHOST, 4242));
    assert!(Request::from_bytes(bytes, source, Protocol::Tcp).is_err());
}

/// A handler that says what it was given and answers with as many records as the ID says.
struct Probe(mpsc::Sender<Vec<u8>>);

#[async_trait::async_trait]
impl RequestHandler for Probe {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut to: R,
    ) -> ResponseInfo {
        self.0.send(request.as_slice().to_vec()).unwrap();
        let rdata = NULL::with(vec![7; 1000]);
        let record = Record::from_rdata(Name::root(), 1, RData::Unknown { code: RecordType::TXT, rdata });
        let records = vec![record; usize::from(request.metadata.id)];
        let metadata = Metadata::response_from_request(&request.metadata);
        let response =
            MessageResponseBuilder::new(&request.queries, None).build(metadata, &records, [], [], []);
        to.send_response(response).await.unwrap()
    }
}

/// A server of hickory's on a port of its own.
struct Running {
    address: SocketAddr,
    seen: mpsc::Receiver<Vec<u8>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = mpsc::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut server = Server::new(Probe(sender));
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                server.register_listener(listener, Duration::from_secs(10), 32);
                stopped.cancelled().await;
                server.shutdown_gracefully().await.unwrap();
            });
        });
        Running { address, seen, stop, thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let joined = thread.join();
            assert!(std::thread::panicking() || joined.is_ok());
        }
    }
}

fn send(stream: &mut TcpStream, message: &[u8]) {
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend(message);
    stream.write_all(&framed).unwrap();
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

/// These never reach the handler: FORMERR from hickory, a bare header with the ID, opcode, RD and CD of the request.
#[test]
fn what_hickory_cannot_read_is_answered_formerr_with_a_bare_header() {
    let server = Running::start();
    let mut stream = server.connect();
    let empty_a: &[u8] = b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00";
    let long_a: &[u8] = b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x05\x01\x02\x03\x04\x05";
    type Case<'a> = (&'a str, [u16; 4], &'a [&'a [u8]]);
    let cases: &[Case<'_>] = &[
        ("no question where one is promised", [1, 0, 0, 0], &[]),
        ("a question cut short", [1, 0, 0, 0], &[&QUESTION[..QUESTION.len() - 1]]),
        ("65535 questions", [65535, 0, 0, 0], &[]),
        ("a missing record", [1, 0, 0, 1], &[QUESTION]),
        ("two OPT", [1, 0, 0, 2], &[QUESTION, OPT, OPT]),
        ("OPT in the answer section", [1, 1, 0, 0], &[QUESTION, OPT]),
        ("a record without data", [1, 1, 0, 0], &[QUESTION, empty_a]),
        ("TSIG that cannot be read", [1, 0, 0, 1], &[QUESTION, &[&TSIG[..12], &[0]].concat()]),
        ("a record with too much data", [1, 1, 0, 0], &[QUESTION, long_a]),
    ];
    for (index, (what, counts, tail)) in cases.iter().enumerate() {
        let id = 0x4000 + index as u16;
        send(&mut stream, &message(id, 0x0110, *counts, tail));
        assert_eq!(receive(&mut stream), message(id, 0x8111, [0; 4], &[]), "{what}");
    }
    assert!(server.seen.try_recv().is_err(), "the handler was asked");
}

/// These reach the handler, with all their bytes: [`portolan::answer::respond`] judges them.
#[test]
fn what_hickory_lets_through() {
    let server = Running::start();
    let mut stream = server.connect();
    let cases: &[(&str, Vec<u8>)] = &[
        ("no question", message(0, 0, [0; 4], &[])),
        ("two questions", message(0, 0, [2, 0, 0, 0], &[QUESTION, QUESTION])),
        ("bytes behind the end", message(0, 0, [1, 0, 0, 0], &[QUESTION, b"more"])),
        (
            "EDNS version 1",
            message(0, 0, [1, 0, 0, 1], &[QUESTION, b"\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"]),
        ),
        ("another opcode", message(0, 0x7800, [1, 0, 0, 0], &[QUESTION])),
        ("class 0x1234, type 0xff00", message(0, 0, [1, 0, 0, 0], &[b"\x01a\x00\xff\x00\x12\x34"])),
        ("TSIG", message(0, 0, [1, 0, 0, 1], &[QUESTION, TSIG])),
        ("OPT and TSIG", message(0, 0, [1, 0, 0, 2], &[QUESTION, OPT, TSIG])),
    ];
    for (what, bytes) in cases {
        send(&mut stream, bytes);
        assert_eq!(receive(&mut stream)[..2], bytes[..2], "{what}");
        assert_eq!(server.seen.try_recv().as_ref(), Ok(bytes), "{what}");
    }
}

/// No answer, and the connection stays open.
#[test]
fn stubs_and_responses_get_silence_on_a_connection_that_lives_on() {
    let server = Running::start();
    let mut stream = server.connect();
    send(&mut stream, &query(9)[..11]);
    send(&mut stream, &message(8, 0x8000, [1, 0, 0, 0], &[QUESTION]));
    send(&mut stream, &query(0));
    assert_eq!(receive(&mut stream)[..2], [0, 0]);
    assert_eq!(server.seen.try_recv(), Ok(query(0)));
    assert!(server.seen.try_recv().is_err(), "the handler was asked about the others");
}

/// hickory takes a message of no octets for the end of the connection, once something follows it.
#[test]
fn an_empty_message_closes_the_connection() {
    let server = Running::start();
    let mut stream = server.connect();
    send(&mut stream, &[]);
    send(&mut stream, &query(0));
    // The query is left unread, so the end may be a reset.
    assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    assert!(server.seen.try_recv().is_err());
}

#[test]
fn pipelined_requests_are_answered_in_turn_beyond_the_response_buffer() {
    let server = Running::start();
    let mut stream = server.connect();
    let mut framed = Vec::new();
    for _ in 0..200 {
        let query = query(1);
        framed.extend((query.len() as u16).to_be_bytes());
        framed.extend(query);
    }
    stream.write_all(&framed).unwrap();
    for _ in 0..200 {
        assert_eq!(receive(&mut stream)[..2], [0, 1]);
    }
}

/// What does not fit is cut at a record, with TC: our answers are never that long.
#[test]
fn an_answer_over_65535_octets_is_cut_with_tc() {
    let server = Running::start();
    let mut stream = server.connect();
    send(&mut stream, &query(64));
    let answer = receive(&mut stream);
    assert_eq!(
        (answer[2] & 0x02, answer[7]),
        (0, 64),
        "64 records fit, and are more than the response buffer"
    );
    send(&mut stream, &query(65));
    let answer = receive(&mut stream);
    assert_eq!((answer[2] & 0x02, answer[7]), (2, 64));
}
