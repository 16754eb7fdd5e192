#!/usr/bin/env python3
"""How soon a change is answered under load, and what it does to everybody else; for minutes or hours also a soak.

  apt-get install dnsperf
  cargo build --release
  benches/load/changes.py --zones 100000 --kind map
  benches/load/changes.py --zones 100000 --seconds 600 --every 1 --full      a soak of ten minutes

What changes:
  zone      one address in one master file
  map       the addresses of a map that governs every zone, each named in its zones_file
  account   the addresses of a map that is account_wide in the account of every zone

The server is pinned to one core, everything else to another. Each change is a file replaced by rename, then
`portolan reload FILE`; times count from the start of that command. Ends with 1 where a question was lost, a change
was not seen, the server said an error, or its memory grew by more than 10 %.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def zone_text(address):
    names = "".join(f"n{n} 1 A 192.0.2.{n} ; cf_tags=cf-proxied:true\n" for n in range(10))
    return f"@ 3600 SOA ns1 hostmaster 1 3600 900 604800 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n" \
           f"plain 60 A {address}\n{names}"


def map_text(kind, address):
    members = "account_wide = true" if kind == "account" else 'zones_file = "zones.txt"'
    return f'[[address_map]]\nid = "all"\nenabled = true\nips = ["{address}", "2001:db8::1"]\n{members}\n'


def replace(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def make(args):
    folder = os.path.join(args.dir, f"{args.zones}-{args.kind}")
    if not os.path.exists(f"{folder}/done"):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(f"{folder}/zones/one")
        os.makedirs(f"{folder}/addrmaps/one")
        text = zone_text("192.0.2.50")
        for n in range(args.zones):
            with open(f"{folder}/zones/one/z{n}.example.zone", "w") as file:
                file.write(text)
        with open(f"{folder}/addrmaps/anycast.toml", "w") as file:
            file.write('[anycast]\nipv4 = ["192.0.2.10"]\nipv6 = ["2001:db8::10"]\n')
        with open(f"{folder}/addrmaps/one/zones.txt", "w") as file:
            file.writelines(f"z{n}.example\n" for n in range(args.zones))
        with open(f"{folder}/questions", "w") as file:
            file.writelines(f"n{n % 10}.z{n * 7919 % args.zones}.example A\n" for n in range(200_000))
        open(f"{folder}/done", "w").close()
    # A change of every answer at once would be held, as it should be.
    replace(f"{folder}/portolan.toml", "[guards]\noperator_names = 1000000000\nnames_changed = { percent = 100 }\n"
            "addresses_gone = { percent = 100 }\n")
    replace(f"{folder}/addrmaps/one/map.toml", map_text(args.kind, "198.51.100.1"))
    replace(f"{folder}/zones/one/z1.example.zone", zone_text("192.0.2.50"))
    shutil.rmtree(f"{folder}/state", ignore_errors=True)
    return folder


class Client:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))

    def address(self, name, wait=0.2):
        question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
        self.socket.settimeout(wait)
        try:
            self.socket.send(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + question)
            reply = self.socket.recv(4096)
        except OSError:
            return None
        return socket.inet_ntoa(reply[-4:]) if reply[6:8] == b"\0\1" else None


def memory(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1)) / 1024


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def change(args, folder, client, number):
    """Makes a change; -> when it was seen and when the command was done, both in ms from its start."""
    address = f"203.0.113.{number % 250 + 1}"
    if args.kind == "zone":
        path, name, text = f"{folder}/zones/one/z1.example.zone", "plain.z1.example", zone_text(address)
    else:
        path, name, text = f"{folder}/addrmaps/one/map.toml", "n3.z5.example", map_text(args.kind, address)
    replace(path, text)
    began = time.monotonic()
    reload = [args.portolan, "reload", path, "--state", f"{folder}/state", "--zones", f"{folder}/zones",
              "--addrmaps", f"{folder}/addrmaps"]
    command = subprocess.Popen(reload, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen = None
    while seen is None and time.monotonic() - began < 10:
        if client.address(name, 0.05) == address:
            seen = (time.monotonic() - began) * 1e3
    said = command.communicate()[0]
    if seen is None:
        print(said.decode(), file=sys.stderr)
    return seen, (time.monotonic() - began) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portolan", default=os.path.join(HERE, "../../target/release/portolan"), help="our binary")
    parser.add_argument("--zones", type=int, default=100_000)
    parser.add_argument("--kind", choices=["zone", "map", "account"], default="zone")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--every", type=float, default=1, help="seconds between two changes")
    parser.add_argument("--rate", type=int, default=20_000, help="questions a second")
    parser.add_argument("--full", action="store_true", help="as many questions as are answered")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    parser.add_argument("--port", type=int, default=5490)
    parser.add_argument("--dir", default=os.path.join(tempfile.gettempdir(), "portolan-changes"))
    args = parser.parse_args()
    if not shutil.which("dnsperf"):
        sys.exit("dnsperf is not installed; on Debian: apt-get install dnsperf")
    args.portolan = os.path.abspath(args.portolan)
    os.sched_setaffinity(0, {args.client_cpu})
    folder = make(args)
    serve = ["taskset", "-c", str(args.server_cpu), args.portolan, "--listen", f"127.0.0.1:{args.port}", "--workers", "1",
             "--zones", f"{folder}/zones", "--addrmaps", f"{folder}/addrmaps", "--state", f"{folder}/state",
             "--watch", "off", "--log", "json",
             "--config", f"{folder}/portolan.toml"]
    log = open(f"{folder}/log", "w+")
    server = subprocess.Popen(serve, stdout=log, stderr=log)
    client = Client(args.port)
    failed = []
    try:
        while client.address("plain.z1.example") is None:
            if server.poll() is not None:
                sys.exit(f"the server ended; see {folder}/log")
        time.sleep(2)
        asking = ["dnsperf", "-s", "127.0.0.1", "-p", str(args.port), "-d", f"{folder}/questions", "-c", "8", "-T", "1",
                  "-q", "128", "-l", str(args.seconds)] + ([] if args.full else ["-Q", str(args.rate)])
        asking = subprocess.Popen(asking, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(1)
        first = memory(server.pid)
        began, seen, done, number = time.monotonic(), [], [], 0
        while time.monotonic() - began < args.seconds - 2:
            when, ended = change(args, folder, client, number)
            failed += [f"change {number} was not seen"] if when is None else []
            seen += [when] if when is not None else []
            done.append(ended)
            number += 1
            time.sleep(max(0, began + number * args.every - time.monotonic()))
        last = memory(server.pid)
        out = asking.communicate()[0]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    figure = lambda name: float((re.search(name + r"[^:]*:\s+([\d.]+)", out) or [0, -1])[1])
    lost = int(figure("Queries lost"))
    log.seek(0)
    errors = [line for line in log if '"ERROR"' in line or '"WARN"' in line]
    print(f"{args.zones} zones, {args.kind}: {number} changes; seen after {statistics.median(seen):.2f} ms in the median, "
          f"{share(seen, 0.99):.2f} ms p99, {max(seen):.2f} ms at most; command done after {statistics.median(done):.2f} ms")
    print(f"questions: {figure('Queries completed'):.0f} answered, {lost} lost, "
          f"{figure('Queries per second'):.0f} a second, "
          f"latency {figure('Average Latency') * 1e6:.0f} us on average")
    print(f"memory: {first:.1f} MiB before, {last:.1f} MiB after; {len(errors)} warnings and errors in the log")
    failed += [f"{lost} questions lost"] if lost else []
    failed += [f"memory grew from {first:.1f} to {last:.1f} MiB"] if last > first * 1.1 + 2 else []
    failed += [f"the server said: {line.strip()}" for line in errors[:5]]
    for line in failed:
        print(line, file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
