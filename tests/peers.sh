#!/bin/sh
# Installs the phones and servers that the system tests call. Does nothing where all are there.
set -eu
missing=""
need() { # program package
    command -v "$1" >/dev/null 2>&1 || [ -x "$1" ] || missing="$missing $2"
}
need sipp sip-tester
need baresip baresip-core
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
need curl curl
need ffmpeg ffmpeg
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing the tests' peers:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of package names
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "the tests need these Debian packages: apt install$missing" >&2
    exit 1
fi
