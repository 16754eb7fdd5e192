#!/usr/bin/env python3
"""Portolan beside other authoritative servers, on the same zones and on this machine.

  apt-get install dnsperf gdnsd nsd knot bind9 pdns-server pdns-backend-bind yadifa
  cargo build --release
  benches/load/compare.py --workload S,M --rounds 5

Servers that are not installed are left out. Each one gets one worker thread and is pinned to one core, dnsperf to
another; rounds are interleaved (A B C A B C ...), because only servers that were asked in the same minute can be
compared. A ratio is the median of the ratios to gdnsd within each round. All is on loopback.

Workloads: S is 1 zone of 1,000 names, M 10,000 zones of 10 names, L 100,000 zones of 10 names; every name has an A and
an AAAA record. P and Q are M and L with two records of each type; for Portolan every name is proxied there and gets the
same number of addresses from a map of its zone, a map of its account, or the anycast defaults. Of the questions 90 in
100 are for names that exist, 5 for names that do not, 5 for a type that a name lacks; --https asks some for HTTPS.
"""
import argparse
import os
import random
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
# Zones, names of each, addresses of each family.
WORKLOADS = {"S": (1, 1000, 1), "M": (10_000, 10, 1), "L": (100_000, 10, 1), "P": (10_000, 10, 2), "Q": (100_000, 10, 2)}
QUESTIONS = 500_000
ACCOUNTS = 100
LABELS = ["www", "mail", "api", "app", "cdn", "dev", "img", "vpn", "shop", "static"]
TICK = os.sysconf("SC_CLK_TCK")


# ---- zones and questions

def label(workload, n):
    return f"host{n}" if workload == "S" else LABELS[n]


def make(args, workload):
    """Writes the zones and the questions of a workload, once."""
    zones, names, addresses = WORKLOADS[workload]
    folder = os.path.join(args.dir, workload)
    origins = [f"z{z}.{workload.lower()}.test" for z in range(zones)]
    if not os.path.exists(os.path.join(folder, "done")):
        shutil.rmtree(folder, ignore_errors=True)
        for sub in ("zones", "bare", "addrmaps"):
            os.makedirs(os.path.join(folder, sub))
        for z, origin in enumerate(origins):
            lines = ["$TTL 3600", "@ SOA ns1 hostmaster 1 3600 900 604800 300", "@ NS ns1", "ns1 A 192.0.2.1"]
            for n in range(names):
                for at in range(z * 32 + 2 * n, z * 32 + 2 * n + addresses):
                    lines.append(f"{label(workload, n)} A 10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}")
                    lines.append(f"{label(workload, n)} AAAA 2001:db8::{at >> 16:x}:{at & 65535:x}")
            path = os.path.join(folder, "zones", origin + ".zone")
            write(path, lines)
            os.symlink(path, os.path.join(folder, "bare", origin))
        if addresses > 1:
            make_proxied(folder, origins, names)
        open(os.path.join(folder, "done"), "w").close()
    dice = random.Random(1)
    with open(os.path.join(folder, "questions"), "w") as file:
        for _ in range(QUESTIONS):
            name, kind = label(workload, dice.randrange(names)), dice.randrange(20)
            rtype = "MX" if kind == 0 else "A" if dice.random() < 0.8 else "AAAA"
            name = f"no{dice.randrange(1_000_000)}" if kind == 1 else name
            rtype = "TYPE65" if dice.random() * 100 < args.https else rtype
            file.write(f"{name}.{dice.choice(origins)} {rtype}\n")
    return folder, origins


def make_proxied(folder, origins, names):
    """The same names for Portolan: proxied, under maps of zones, maps of accounts and the anycast defaults."""
    pair = lambda n: f'"198.51.100.{n % 256}", "203.0.113.{n % 256}", "2001:db8:1::{n:x}", "2001:db8:2::{n:x}"'
    maps = ["[anycast]", 'ipv4 = ["192.0.2.10", "192.0.2.11"]', 'ipv6 = ["2001:db8::10", "2001:db8::11"]']
    for account in range(ACCOUNTS):
        mine = origins[account::ACCOUNTS]
        os.makedirs(f"{folder}/proxied/a{account}")
        for origin in mine:
            lines = ["$TTL 3600", "@ SOA ns1 hostmaster 1 3600 900 604800 300", "@ NS ns1", "ns1 A 192.0.2.1"]
            lines += [f"{label('', n)} 1 A 192.0.2.{n} ; cf_tags=cf-proxied:true" for n in range(names)]
            write(f"{folder}/proxied/a{account}/{origin}.zone", lines)
        # Of three accounts one has maps of its own for its zones, one a map for all of them, one has none.
        if account % 3 == 0:
            for n, origin in enumerate(mine[::2]):
                maps += ["[[address_map]]", f'id = "m{account}-{n}"', f'account = "a{account}"', "enabled = true",
                         f"ips = [{pair(account + n)}]", f'zones = ["{origin}"]']
        if account % 3 < 2:
            maps += ["[[address_map]]", f'id = "all{account}"', f'account = "a{account}"', "enabled = true",
                     f"ips = [{pair(account)}]", "account_wide = true"]
    write(f"{folder}/addrmaps/maps.toml", maps)


def write(path, lines):
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


# ---- servers: what each writes into its folder, and the command that runs it

def configure(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write(path, [text])


def portolan(args, run, data, origins, port):
    zones = f"{data}/proxied" if os.path.isdir(f"{data}/proxied") else f"{data}/zones"
    return [args.portolan, "--listen", f"127.0.0.1:{port}", "--zones", zones, "--addrmaps", f"{data}/addrmaps",
            "--state", f"{run}/state", "--workers", "1", "--watch", "off"]


def gdnsd(args, run, data, origins, port):
    configure(run, "conf/config", f"""options => {{
  listen => {{ "127.0.0.1:{port}" => {{ udp_threads = 1, tcp_threads = 1, tcp_clients_per_thread = 1000 }} }}
  run_dir => {run}/run
  state_dir => {run}/state
  zones_strict_data => false
}}
""")
    for folder in ("run", "state"):
        os.makedirs(f"{run}/{folder}")
    os.symlink(f"{data}/bare", f"{run}/conf/zones")
    return ["gdnsd", "-c", f"{run}/conf", "start"]


def nsd(args, run, data, origins, port):
    zones = "".join(f'zone:\n  name: "{o}"\n  zonefile: "{data}/zones/{o}.zone"\n' for o in origins)
    configure(run, "nsd.conf", f"""server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  reuseport: yes
  username: ""
  database: ""
  zonesdir: "{run}"
  pidfile: "{run}/nsd.pid"
  xfrdfile: "{run}/xfrd.state"
  xfrdir: "{run}"
  zonelistfile: "{run}/zone.list"
  logfile: "{run}/nsd.log"
  tcp-count: 1000
  minimal-responses: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{zones}""")
    return ["nsd", "-d", "-c", f"{run}/nsd.conf"]


def knot(args, run, data, origins, port):
    zones = "".join(f"  - domain: {o}\n    file: {data}/zones/{o}.zone\n" for o in origins)
    configure(run, "knot.conf", f"""server:
  listen: 127.0.0.1@{port}
  rundir: {run}
  user: root:root
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  tcp-max-clients: 1000
database:
  storage: {run}
log:
  - target: stderr
    any: error
template:
  - id: default
    storage: {run}
    journal-content: none
    zonefile-load: whole
    zonefile-sync: -1
    semantic-checks: off
zone:
{zones}""")
    return ["knotd", "-c", f"{run}/knot.conf"]


def bind(args, run, data, origins, port):
    zones = "".join(f'zone "{o}" {{ type primary; file "{data}/zones/{o}.zone"; }};\n' for o in origins)
    configure(run, "named.conf", f"""controls {{ }};
options {{
  directory "{run}";
  pid-file "{run}/named.pid";
  session-keyfile "{run}/session.key";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  minimal-responses yes;
  notify no;
  empty-zones-enable no;
  tcp-clients 1000;
}};
{zones}""")
    return ["named", "-f", "-4", "-n", "1", "-c", f"{run}/named.conf"]


def pdns(args, run, data, origins, port):
    zones = "".join(f'zone "{o}" {{ type master; file "{data}/zones/{o}.zone"; }};\n' for o in origins)
    configure(run, "named.conf", f'options {{ directory "{run}"; }};\n{zones}')
    configure(run, "pdns.conf", f"""launch=bind
bind-config={run}/named.conf
local-address=127.0.0.1
local-port={port}
socket-dir={run}
daemon=no
guardian=no
loglevel=0
receiver-threads=1
distributor-threads=1
max-packet-cache-entries=1000000
max-tcp-connections=1000
max-tcp-transactions-per-conn=0
""")
    return ["pdns_server", f"--config-dir={run}"]


def yadifa(args, run, data, origins, port):
    zones = "".join(f'<zone>\n domain "{o}"\n type primary\n file "{data}/zones/{o}.zone"\n notify-auto off\n</zone>\n'
                    for o in origins)
    for folder in ("log", "keys", "xfr"):
        os.makedirs(f"{run}/{folder}")
    configure(run, "yadifad.conf", f"""<main>
 daemon off
 pidfile "{run}/yadifad.pid"
 datapath "{run}"
 keyspath "{run}/keys"
 logpath "{run}/log"
 xfrpath "{run}/xfr"
 uid root
 gid root
 listen 127.0.0.1 port {port}
 thread-count-by-address 1
 max-tcp-queries 1000
 queries-log-type 0
 statistics off
</main>
<rrl>
 enabled off
</rrl>
<channels>
 null syslog user
</channels>
<loggers>
</loggers>
{zones}""")
    return ["yadifad", "--nodaemon", "-c", f"{run}/yadifad.conf"]


SERVERS = {
    "portolan": (portolan, None), "gdnsd": (gdnsd, "gdnsd"), "nsd": (nsd, "nsd"), "knot": (knot, "knotd"),
    "bind": (bind, "named"), "pdns": (pdns, "pdns_server"), "yadifa": (yadifa, "yadifad"),
}


# ---- processes: all of one session are one server

def stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        rest = file.read().rsplit(")", 1)[1].split()
    return int(rest[3]), (int(rest[11]) + int(rest[12])) / TICK


def processes(session):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if stat(pid)[0] == session:
                found.append(int(pid))
        except (OSError, IndexError):
            pass
    return found


def cpu(session):
    total = 0.0
    for pid in processes(session):
        try:
            total += stat(pid)[1]
        except OSError:
            pass
    return total


def memory(session):
    kib = 0
    for pid in processes(session):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                kib += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1))
        except (OSError, AttributeError):
            pass
    return kib / 1024


def stop(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes(process.pid):
            try:
                os.kill(pid, number)
            except OSError:
                pass
        end = time.monotonic() + 8
        while time.monotonic() < end:
            process.poll()
            if not processes(process.pid):
                return
            time.sleep(0.02)


def answers(port, name):
    """Whether the server gives addresses of the name."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        try:
            asking.connect(("127.0.0.1", port))
            asking.send(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + question)
            reply = asking.recv(4096)
        except OSError:
            return False
    return reply[3] & 15 == 0 and reply[6:8] != b"\0\0"


# ---- one server, one round

def dnsperf(args, port, questions, mode, session):
    command = ["taskset", "-c", str(args.client_cpu), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", questions,
               "-l", str(args.seconds), "-m", mode, "-c", "8", "-T", "1", "-q", "128"]
    before = cpu(session)
    out = subprocess.run(command + (["-e"] if args.edns else []), capture_output=True, text=True).stdout
    used = cpu(session) - before
    found = lambda pattern: float((re.search(pattern, out) or [0, 0])[1])
    done = found(r"Queries completed:\s+(\d+)")
    return {f"{mode} us": used / max(done, 1) * 1e6, f"{mode} /s": found(r"Queries per second:\s+([\d.]+)"),
            f"{mode} lost": found(r"Queries lost:\s+(\d+)")}


def measure(args, name, data, origins, workload, port):
    run = os.path.join(args.dir, "run", name)
    shutil.rmtree(run, ignore_errors=True)
    os.makedirs(run)
    command = SERVERS[name][0](args, run, data, origins, port)
    with open(f"{run}/output", "w") as log:
        began = time.monotonic()
        process = subprocess.Popen(["taskset", "-c", str(args.server_cpu)] + command, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True, cwd=run)
    try:
        wanted = [origins[0], origins[-1]] + random.Random(2).choices(origins, k=20)
        while wanted:
            if process.poll() is not None or time.monotonic() - began > 120:
                raise RuntimeError(f"{name} does not answer; see {run}/output")
            if answers(port, f"{label(workload, 0)}.{wanted[-1]}"):
                wanted.pop()
        figures = {"load s": time.monotonic() - began}
        idle = None
        while idle is None or cpu(process.pid) - idle > 0.02:
            idle = cpu(process.pid)
            time.sleep(0.3)
        figures["MiB"] = memory(process.pid)
        for mode in args.modes.split(","):
            figures |= dnsperf(args, port, f"{data}/questions", mode, process.pid)
        return figures
    finally:
        stop(process)


def table(workload, rounds):
    columns = ["udp us", "udp /s", "udp lost", "tcp us", "tcp /s", "load s", "MiB"]
    columns = [c for c in columns if any(c in figures for one in rounds for figures in one.values())]
    ratios = [c for c in ("udp us", "tcp us", "tcp /s") if c in columns]
    lines = [f"### {workload}", "", "| server | " + " | ".join(columns + [f"{c} : gdnsd" for c in ratios]) + " |",
             "| --- " * (1 + len(columns) + len(ratios)) + "|"]
    for name in dict.fromkeys(name for one in rounds for name in one):
        mine = [one[name] for one in rounds if name in one]
        middle = lambda values: statistics.median(values) if values else float("nan")
        cells = [middle([figures[c] for figures in mine if c in figures]) for c in columns]
        cells = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in cells]
        for c in ratios:
            pairs = [one[name][c] / one["gdnsd"][c] for one in rounds if name in one and one.get("gdnsd", {}).get(c)]
            cells.append(f"{middle(pairs):.2f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portolan", default=os.path.join(HERE, "../../target/release/portolan"), help="our binary")
    parser.add_argument("--servers", default=",".join(SERVERS), help="which ones, separated by commas")
    parser.add_argument("--workload", default="S", help="S, M, L, P, Q, separated by commas")
    parser.add_argument("--modes", default="udp,tcp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="length of each run of dnsperf")
    parser.add_argument("--https", type=float, default=0, metavar="N", help="of 100 questions N are of type HTTPS")
    parser.add_argument("--edns", action="store_true", help="ask with EDNS")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    parser.add_argument("--port", type=int, default=5401, help="each server takes the next one")
    parser.add_argument("--dir", default=os.path.join(tempfile.gettempdir(), "portolan-compare"))
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    args.portolan = os.path.abspath(args.portolan)
    names = [n for n in args.servers.split(",") if shutil.which(SERVERS[n][1] or args.portolan)]
    for missing in set(args.servers.split(",")) - set(names):
        print(f"{missing} is not installed: left out", file=sys.stderr)
    if not shutil.which("dnsperf"):
        sys.exit("dnsperf is not installed; on Debian: apt-get install dnsperf")
    os.sched_setaffinity(0, {args.client_cpu})
    for workload in args.workload.split(","):
        data, origins = make(args, workload)
        rounds = []
        for number in range(args.rounds):
            rounds.append({})
            for at, name in enumerate(names):
                try:
                    rounds[-1][name] = measure(args, name, data, origins, workload, args.port + at)
                    print(workload, number + 1, name, rounds[-1][name], file=sys.stderr, flush=True)
                except RuntimeError as error:
                    print(error, file=sys.stderr, flush=True)
        print(table(workload, rounds), "\n", flush=True)


if __name__ == "__main__":
    main()
