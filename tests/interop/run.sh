#!/bin/sh
# Compares Portolan with NSD, Knot and BIND on generated ordinary zones, on loopback only.
# Installs the Debian packages of the three where they are missing. Any argument is passed to cargo test.
set -eu
cd "$(dirname "$0")/../.."

missing=
for pair in nsd:nsd knotd:knot named:bind9 dig:bind9-dnsutils; do
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ]; then
    # The packages must not start servers of their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
fi

PORTOLAN_INTEROP="${PORTOLAN_INTEROP:-1}" cargo test --test interop "$@" -- --ignored --nocapture
