"""Registering at a trunk, which is SIPp, and taking its calls."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller, Script
from tests.system.conftest import MakeService
from tests.system.service import eventually
from tests.system.wayout import OUTSIDE, SDP, Target, directory, header, transfers
from voicebox.codec import Codec

pytestmark = pytest.mark.system

TRUNK = "127.0.0.2"
PASSWORD = "s3cret-word"
GRANTED_S = 20
"""Long enough that how late a busy machine is does not matter; refreshed at four fifths of it."""
CHALLENGE = 'WWW-Authenticate: Digest realm="trunk.example", nonce="5ca1ab1e", algorithm=MD5, qop="auth"'


def register(script: Script, expires_s: int) -> None:
    """Challenge a REGISTER, and accept the one that answers."""
    script.expect_request("REGISTER").answer("401 Unauthorized", CHALLENGE)
    script.expect_request("REGISTER").answer("200 OK", f"[last_Contact:];expires={expires_s}")


def proves(register: str, password: str) -> bool:
    """Check a digest by RFC 2617 section 3.2.2, with nothing of ours."""
    authorization = next(line for line in register.splitlines() if line.startswith("Authorization:"))
    field = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', authorization)}

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    ha1 = md5(field["username"], field["realm"], password)
    ha2 = md5("REGISTER", field["uri"])
    expected = md5(ha1, field["nonce"], field["nc"], field["cnonce"], field["qop"], ha2)
    return bool(field["response"] == expected)


def expires_of(register: str) -> int:
    found = re.search(r"^Expires: (\d+)$", register, re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_a_trunk_is_registered_at_refreshed_and_left_and_its_calls_are_taken(
    make_service: MakeService, tmp_path: Path
) -> None:
    port = free_port(TRUNK)
    script = Script(tmp_path)
    register(script, expires_s=GRANTED_S)
    register(script, expires_s=3600)
    register(script, expires_s=0)
    registrar = script.await_calls(TRUNK, port)
    trunk = f"""
[[sip.trunk]]
name = "provider"
registrar = "sip:{TRUNK}:{port}"
username = "box"
password = "{PASSWORD}"
"""
    service = make_service(more=trunk).start()

    # The trunk's calls are known by its address; the next address is nobody's.
    Caller(service.udp, tmp_path, number="1002", local="127.0.0.3").refused(401).run()
    file, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    Caller(service.udp, tmp_path, number="1002", local=TRUNK).invite().speak(file).keys("#").pause(SAID_S).bye().run()
    assert service.message("1002")["samples"] > 2 * 8000

    def twice() -> list[str] | None:
        heard = registrar.heard().received("REGISTER")
        return heard if len(heard) >= 4 else None

    begun = eventually(twice, "a registration and its refresh")
    assert all(proves(answer, PASSWORD) for answer in begun[1::2])
    first, _, refresh, _ = registrar.heard().when("received", "REGISTER")[:4]
    assert GRANTED_S / 2 < refresh - first < GRANTED_S
    assert f"Contact: <sip:box@127.0.0.1:{service.sip['udp:127.0.0.1']}>" in begun[0]
    assert len({re.findall("^Call-ID: .*$", each, re.MULTILINE)[0] for each in begun}) == 1

    assert service.stop() == 0
    left = registrar.wait().received("REGISTER")[4:]
    assert [expires_of(each) for each in left] == [0, 0]
    assert PASSWORD not in service.log()


def with_registration(target: Target, status: str, *headers: str) -> Target:
    """Let a target also answer a REGISTER, which is a call of its own to SIPp."""
    target._steps.insert(0, '<recv request="REGISTER" optional="true" next="registering"/>')
    target._steps.append('<nop next="over"/><label id="registering"/>')
    target.answer(status, *headers)
    target._steps.append('<label id="over"/>')
    return target


def test_a_call_that_a_trunks_second_server_took_is_its_to_the_end(make_service: MakeService, tmp_path: Path) -> None:
    # The name leads to 127.0.0.1, which takes nothing, and to ::1.
    port = free_port("::1", "tcp")
    refusing = with_registration(Target(tmp_path).refuses("503 Service Unavailable"), "503 Service Unavailable")
    first = refusing.await_calls("127.0.0.1", port, "tcp", calls=2)
    target = Target(tmp_path).answers("200 OK", "Contact: <sip:trunk@localhost:[local_port]>", body=SDP)
    target.expect_request("ACK").expect_request("BYE", timeout_s=20).answer()
    answering = with_registration(target, "200 OK", "[last_Contact:];expires=3600")
    second = answering.await_calls("[::1]", port, "tcp", calls=2)
    trunk = f"""
[[sip.trunk]]
name = "provider"
registrar = "sip:localhost:{port};transport=tcp"
username = "box"
password = "{PASSWORD}"
[outbound]
peer = "provider"
allow = ["+49"]
"""
    service = make_service(more=trunk, directory=directory()).start()
    eventually(lambda: second.heard().received("REGISTER"), "the registration")
    Caller(service.udp, tmp_path, number="1002").invite().keys("0").pause(10).bye().run()
    first.wait()
    heard = second.wait()
    (invite,), (ack,), (bye,) = (heard.received(method) for method in ("INVITE", "ACK", "BYE"))
    assert invite.startswith(f"INVITE sip:{OUTSIDE}@localhost:{port} SIP/2.0")
    assert header(ack, "Call-ID") == header(bye, "Call-ID") == header(invite, "Call-ID")
    assert transfers(service.call("1002"))[0]["result"] == "connected"
