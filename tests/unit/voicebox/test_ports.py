"""A taken port names the process that holds it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from voicebox.ports import CannotListen, Holder, Kind, PortTaken, bind, holder_of


@pytest.fixture(params=["udp", "tcp"])
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


@pytest.fixture(params=["127.0.0.1", "::1"])
def taken(request: pytest.FixtureRequest, kind: Kind) -> Iterator[tuple[Kind, str, int]]:
    with bind(kind, request.param, 0) as sock:
        yield kind, request.param, sock.getsockname()[1]


def test_the_error_names_the_address_and_the_process(taken: tuple[Kind, str, int]) -> None:
    kind, host, port = taken
    with pytest.raises(PortTaken) as caught:
        bind(kind, host, port)
    name = Path("/proc/self/comm").read_text().strip()
    shown = f"[{host}]" if ":" in host else host
    assert str(caught.value) == f"{kind} {shown}:{port} is taken by process {os.getpid()} ({name})"
    assert caught.value.holder == Holder(os.getpid(), name)


def test_a_wildcard_holds_every_address_of_its_family(kind: Kind) -> None:
    with bind(kind, "0.0.0.0", free_port("127.0.0.1", kind)) as sock:
        port = sock.getsockname()[1]
        assert holder_of(kind, "127.0.0.1", port) is not None
        assert holder_of(kind, "::1", port) is None
        with pytest.raises(PortTaken):
            bind(kind, "127.0.0.1", port)
        bind(kind, "::", port).close()


def test_a_dual_stack_wildcard_holds_ipv4_too() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        port = sock.getsockname()[1]
        assert holder_of("udp", "127.0.0.1", port) == Holder(os.getpid(), Path("/proc/self/comm").read_text().strip())


def test_a_connection_is_no_listener(kind: Kind) -> None:
    with bind("tcp", "127.0.0.1", 0) as server, socket.create_connection(server.getsockname()) as client:
        port = client.getsockname()[1]
        assert holder_of("tcp", "127.0.0.1", port) is None


def test_a_free_port_has_no_holder(kind: Kind) -> None:
    with bind(kind, "127.0.0.1", free_port("127.0.0.1", kind)) as sock:
        port = sock.getsockname()[1]
    assert holder_of(kind, "127.0.0.1", port) is None


def test_an_address_of_another_machine_says_so(kind: Kind) -> None:
    with pytest.raises(CannotListen, match=rf"^{kind} 192\.0\.2\.1:5060: this machine does not have that address$"):
        bind(kind, "192.0.2.1", 5060)


def test_without_proc_or_permission_the_holder_is_unknown(tmp_path: Path) -> None:
    assert holder_of("udp", "127.0.0.1", 5060, proc=tmp_path) is None
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "udp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "  1: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0\n"
        "  short line\n"
    )
    (tmp_path / "42").mkdir()  # no fd folder: the process of another user
    assert holder_of("udp", "127.0.0.1", 5060, proc=tmp_path) is None
    (tmp_path / "43" / "fd").mkdir(parents=True)
    (tmp_path / "43" / "fd" / "3").symlink_to("socket:[4711]")
    (tmp_path / "43" / "comm").write_text("asterisk\n")
    holder = holder_of("udp", "127.0.0.1", 5060, proc=tmp_path)
    assert str(holder) == "process 43 (asterisk)"
    error = PortTaken("udp", "127.0.0.1", 5060, None)
    assert str(error) == "udp 127.0.0.1:5060 is taken by another process (run as root to see which)"
