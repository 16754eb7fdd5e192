#!/usr/bin/env bash
# Asks a running server for the names of your own zones, as fast as it answers, with dnsperf.
#
#   benches/load/run.sh --zones zones --server 127.0.0.1 --port 5300
#
#   --zones DIR     folder of your master files (default: zones)
#   --server ADDR   the server's address (default: 127.0.0.1)
#   --port N        its port (default: 5300)
#   --mode MODE     udp or tcp (default: udp)
#   --seconds N     how long (default: 10)
#   --clients N     sockets that ask (default: 8)
#   --rate N        at most so many questions a second (default: as many as are answered)
#   --edns          ask with EDNS
#   --questions N   lines of the query file (default: 200000)
#   --keep FILE     keep the query file there, to run it again: dnsperf -d FILE ...
#
# Of the questions 90 in 100 are for records that exist, 5 for names that do not, 5 for a type that a name lacks. The
# same zones give the same questions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

zones=zones server=127.0.0.1 port=5300 mode=udp seconds=10 clients=8 questions=200000 keep="" more=()
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
die() { printf '%s\n' "$*" >&2; exit 2; }
while [ $# -gt 0 ]; do
    case $1 in
        --zones | --server | --port | --mode | --seconds | --clients | --questions | --keep)
            [ -n "${2:-}" ] || die "$1 needs a value; see --help"
            declare "${1#--}=$2"
            shift
            ;;
        --rate) [ -n "${2:-}" ] || die "$1 needs a value; see --help"; more+=(-Q "$2"); shift ;;
        --edns) more+=(-e) ;;
        -h | --help) usage; exit 0 ;;
        *) die "unknown argument $1; see --help" ;;
    esac
    shift
done
command -v dnsperf >/dev/null || die "dnsperf is not installed; on Debian: apt-get install dnsperf"
[ -d "$zones" ] || die "$zones is no folder; name the folder of your master files with --zones"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find -L "$zones" -name '*.zone' -type f -print0 | LC_ALL=C sort -z | xargs -0 -r awk -f "$here/names.awk" \
    > "$work/records"
[ -s "$work/records" ] || die "no record in any file *.zone below $zones"

# Numbers that look random and are the same every time.
noise() { LC_ALL=C awk -v "seed=$1" 'BEGIN { srand(seed); for (;;) printf "%c", int(rand() * 256) }' 2>/dev/null; }
draw() { shuf -r -n "$1" --random-source=<(noise "$2") "$work/records"; }
{
    draw $((questions * 90 / 100)) 1
    draw $((questions * 5 / 100)) 2 | awk '{ print "no" NR "-such." $1, $2 }'
    draw $((questions * 5 / 100)) 3 | awk '{ print $1, "LOC" }'
} | shuf --random-source=<(noise 4) > "$work/queries"
if [ -n "$keep" ]; then cp "$work/queries" "$keep"; fi

printf '%s questions for %s records below %s\n' "$(wc -l < "$work/queries")" "$(wc -l < "$work/records")" "$zones"
dnsperf -s "$server" -p "$port" -m "$mode" -d "$work/queries" -l "$seconds" -c "$clients" -T 1 -q 128 "${more[@]}" \
    | grep -E 'Queries (sent|completed|lost|per second)|Response codes|Average (packet size|Latency)'
