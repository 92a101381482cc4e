"""`voicebox doctor`: each check, well and not."""

import asyncio
import resource
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import soundfile

from prompts.recordings import Recordings
from tests.containers import ffmpeg
from tests.fakes.installation import Installation
from tests.ports import free_port
from voicebox.callrecord import CallRecord, RtpFigures
from voicebox.cli.checks import machine
from voicebox.cli.checks import ports as port_checks
from voicebox.cli.checks.finding import Grade
from voicebox.cli.checks.mailserver import mail_server
from voicebox.cli.checks.stores import clock
from voicebox.config import Config, read_config
from voicebox.storage import callrecords, outbox
from voicebox.storage.database import AsyncConnection, Database
from voicebox.storage.outbox import Draft, Kind

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HOLD = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM)
sock.bind(("127.0.0.1", 0))
if sys.argv[1] == "tcp":
    sock.listen()
print(sock.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def held(kind: str) -> Iterator[tuple[int, int]]:
    """Have a second process hold a port; its port and its process id."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        yield int(holder.stdout.readline()), holder.pid
        assert holder.stdin is not None
        holder.stdin.close()


def write(installation: Installation, **sections: str) -> None:
    defaults = {
        "sip": f'listen = ["udp:127.0.0.1:{free_port("127.0.0.1")}"]',
        "web": f'listen = "127.0.0.1:{free_port("127.0.0.1", "tcp")}"',
        "rtp": "ports = [40000, 40009]",
        "smtp": "port = 9",
    }
    text = "".join(f"[{name}]\n{body}\n" for name, body in (defaults | sections).items())
    installation.config.write_text(f'data_dir = "var"\n{text}')


def checks(installation: Installation, expect: int = 1) -> dict[str, Any]:
    """The findings by name; the mail server is nowhere, so something fails unless told otherwise."""
    printed = installation.json("doctor", expect=expect)
    assert printed["ok"] is (expect == 0)
    return {each["name"]: each for each in printed["checks"]}


def test_all_is_well_but_the_mail_server(company: Installation) -> None:
    write(company)
    found = checks(company)
    assert {name for name, each in found.items() if each["grade"] != "ok"} == {"mail server"}
    assert set(found) == {
        *("configuration", "Python", "audio formats", "M4A and WebM", "data folder", "disk space", "SIP udp", "web"),
        "RTP",
        *("open files", "database", "phones", "queue", "clock", "time zones", "audio store", "mail server", "prompts"),
    }
    assert set(found["web"]) == {"name", "grade", "detail", "cure"}


def test_the_table_shows_marks_and_cures(company: Installation) -> None:
    write(company)
    shown = company.run("doctor", expect=1).stdout
    assert "✓   database" in shown
    assert "✗   mail server" in shown
    assert "> Start it, or correct smtp.host" in shown
    assert shown.splitlines()[-1] == "1 check failed"


def test_with_a_mail_server_it_is_fit_for_service(company: Installation) -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:
        write(company, smtp=f"port = {server.getsockname()[1]}")

        def answer() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rwb") as lines:
                lines.write(b"220 here ESMTP\r\n")
                lines.flush()
                for line in lines:
                    lines.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")
                    lines.flush()

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            shown = company.run("doctor").stdout
        finally:
            thread.join(timeout=10)
    assert shown.splitlines()[-1] == "fit for service"


def test_a_wrong_configuration_does_not_hide_the_rest(bare_installation: Installation) -> None:
    bare_installation.config.write_text("[sip]\nlistn = []\n")
    found = checks(bare_installation)
    assert "sip.listn: there is no such key" in found["configuration"]["detail"]
    assert found["configuration"]["cure"] == "Did you mean listen?"
    assert found["Python"]["grade"] == "ok"


def test_doctor_makes_nothing(bare_installation: Installation) -> None:
    write(bare_installation)
    found = checks(bare_installation)
    assert found["database"]["grade"] == "failed"
    assert "voicebox db upgrade" in found["database"]["cure"]
    assert "will be made" in found["data folder"]["detail"]
    assert "will be made" in found["audio store"]["detail"]
    assert not (bare_installation.folder / "var").exists()


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_taken_port_names_who_holds_it(kind: str, company: Installation) -> None:
    with held(kind) as (port, pid):
        write(company, sip=f'listen = ["{kind}:127.0.0.1:{port}"]')
        found = checks(company)[f"SIP {kind}"]
    assert found["grade"] == "failed"
    assert f"{kind} 127.0.0.1:{port} is taken by process {pid} (python" in found["detail"]
    assert found["cure"].startswith(f"Stop process {pid}")
    assert "sip.listen" in found["cure"]


def test_a_taken_web_port_names_who_holds_it(company: Installation) -> None:
    with held("tcp") as (port, pid):
        write(company, web=f'listen = "localhost:{port}"')
        assert f"process {pid}" in checks(company)["web"]["detail"]


def test_what_our_own_service_holds_is_well(company: Installation) -> None:
    spool = company.folder / "var" / "spool"
    spool.mkdir()
    with (spool / "lock").open("w"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        # This very process plays the service: it has the lock open, and the port.
        sock.bind(("127.0.0.1", 0))
        write(company, sip=f'listen = ["udp:127.0.0.1:{sock.getsockname()[1]}"]')
        found = checks(company)["SIP udp"]
    assert found["grade"] == "ok"
    assert "held by the running voicebox" in found["detail"]


def test_an_address_of_another_machine_is_said(company: Installation) -> None:
    write(company, sip='listen = ["udp:192.0.2.1:5060"]', rtp='address = "192.0.2.1"\nports = [40000, 40009]')
    found = checks(company)
    assert "this machine does not have that address" in found["SIP udp"]["detail"]
    assert found["RTP"]["grade"] == "failed"


def test_rtp_ports_are_counted(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    write(installation)
    settings = read_config(installation.config)
    taken: set[int] = set()
    monkeypatch.setattr(port_checks, "_is_free", lambda _host, port: port not in taken)
    grades = []
    for ports in (set(), {40000, 40003}, {40001, 40002, 40004}, set(range(40000, 40010))):
        taken.clear()
        taken |= ports
        grades.append(port_checks.ports(settings)[-1].grade)
    assert grades == [Grade.OK, Grade.OK, Grade.WARNING, Grade.FAILED]


def limits(monkeypatch: pytest.MonkeyPatch, hard: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (min(hard, 1024) if hard > 0 else hard, hard))


@pytest.mark.parametrize(
    ("hard", "grade", "said"),
    [
        (1_048_576, Grade.OK, "8,192 calls at a time"),
        (resource.RLIM_INFINITY, Grade.OK, "no limit: 8,192 calls"),
        (1024, Grade.WARNING, "1,024: 362 calls at a time; the RTP ports would allow 8,192"),
        (320, Grade.FAILED, "320: 10 calls"),
        (100, Grade.FAILED, "100: 0 calls"),
    ],
)
def test_open_files_are_reckoned_in_calls(
    hard: int, grade: Grade, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limits(monkeypatch, hard)
    found = machine.open_files(Config.model_validate({}, context={"base": tmp_path}))
    assert found.grade is grade
    assert said in found.detail
    assert (found.cure == "") is (grade is Grade.OK)


@pytest.mark.parametrize(
    ("free_bytes", "grade"), [(500e9, Grade.OK), (400e6, Grade.WARNING), (257e6, Grade.FAILED), (0, Grade.FAILED)]
)
def test_free_space_is_reckoned_in_messages(
    free_bytes: float, grade: Grade, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = namedtuple("usage", "free")  # noqa: PYI024 - what shutil returns
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(int(free_bytes)))
    found = machine.data_folder(Config.model_validate({}, context={"base": tmp_path}))[1]
    assert (found.name, found.grade) == ("disk space", grade)


def test_a_data_folder_that_is_a_file_fails(bare_installation: Installation) -> None:
    (bare_installation.folder / "var").write_text("")
    write(bare_installation)
    finding = checks(bare_installation)["data folder"]
    assert finding["detail"].endswith("is a file")
    assert finding["cure"] == "Name a folder as data_dir."


def test_secrets_that_others_can_read_are_warned_of(company: Installation) -> None:
    write(company)
    key = company.folder / "var" / "pin.key"
    key.chmod(0o644)
    assert checks(company)["data folder"] == {
        "name": "data folder",
        "grade": "warning",
        "detail": f"other users can look into {key}",
        "cure": f"chmod 600 {key}",
    }
    key.chmod(0o600)
    (company.folder / "var").chmod(0o755)
    assert checks(company)["data folder"]["cure"] == f"chmod 700 {company.folder / 'var'}"


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_another_python_fails(version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.python().grade is Grade.OK

    class Sys:
        version_info = version

    monkeypatch.setattr(machine, "sys", Sys)
    assert machine.python().grade is Grade.FAILED


def test_a_missing_audio_format_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfile, "available_formats", lambda: {"WAV": "", "FLAC": "", "OGG": ""})
    assert "lacks MP3" in machine.audio_formats().detail


def test_that_ffmpeg_is_missing_is_a_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.m4a_and_webm().detail == ffmpeg()
    monkeypatch.setenv("PATH", str(tmp_path))
    found = machine.m4a_and_webm()
    assert (found.grade, "apt install ffmpeg" in found.detail) == (Grade.OK, True)


def test_a_time_zone_without_data_fails() -> None:
    assert machine.time_zones(["Europe/Vienna"]).grade is Grade.OK
    assert "no data for Mars/Olympus" in machine.time_zones(["Mars/Olympus"]).detail


def test_missing_prompts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.prompts(tmp_path).grade is Grade.OK
    empty = Recordings.open(shipped=tmp_path)
    monkeypatch.setattr(Recordings, "open", lambda **_: empty)
    found = machine.prompts(tmp_path)
    assert found.grade is Grade.FAILED
    assert f"{len(empty.missing)} are missing: de/" in found.detail


def test_phones_of_another_realm_fail(company: Installation) -> None:
    write(company, sip=f'listen = ["udp:127.0.0.1:{free_port("127.0.0.1")}"]\ndomain = "other.example"')
    found = checks(company)["phones"]
    assert found["grade"] == "failed"
    assert "1 of 'voicebox.internal'" in found["detail"]


def test_what_failed_in_the_queue_is_warned_of(company: Installation) -> None:
    async def fill(db: Database) -> None:
        async def work(connection: AsyncConnection) -> None:
            await outbox.add(connection, [Draft(1, Kind.MAIL_COPY, "mail-copy:x", 1)], NOW)
            (entry,) = await outbox.claim_due(connection, Kind.MAIL_COPY, limit=1, now=NOW, lease_s=1)
            await outbox.failed(connection, entry, "451 try later", NOW)

        await db.write(work)

    company.ask(fill)
    write(company)
    found = checks(company)["queue"]
    assert (found["grade"], found["detail"]) == ("warning", "1 entry failed, the latest: 451 try later")


def test_a_company_is_missing(installation: Installation) -> None:
    write(installation)
    assert checks(installation)["company"]["grade"] == "warning"


def test_a_clock_that_went_back_fails(company: Installation) -> None:
    ended = datetime.now(UTC) + timedelta(days=2)
    record = CallRecord(
        id="a" * 32,
        company_id=1,
        mailbox="1001",
        caller="+49170",
        called="1001",
        reason=None,
        deflected_by=None,
        started=ended,
        answered=None,
        ended=ended,
        rtp=RtpFigures(),
        trace=[],
    )
    company.ask(lambda db: db.write(lambda connection: callrecords.add(connection, record)))
    write(company)
    found = checks(company)["clock"]
    assert found["grade"] == "failed"
    assert "the latest call ended at" in found["detail"]


def test_a_clock_that_was_never_set_fails() -> None:
    assert clock(datetime(1970, 1, 1, tzinfo=UTC), None).grade is Grade.FAILED
    assert clock(NOW, NOW + timedelta(seconds=59)).grade is Grade.OK


def test_a_database_that_is_away_does_not_hide_the_rest(bare_installation: Installation) -> None:
    write(bare_installation, database='url = "postgresql+asyncpg://voicebox:geheim@127.0.0.1:9/box"')
    result = bare_installation.run("doctor", "--json", expect=1)
    assert "geheim" not in result.stdout + result.stderr
    found = checks(bare_installation)
    assert found["database"]["grade"] == "failed"
    assert found["prompts"]["grade"] == "ok"


def test_an_audio_store_that_cannot_be_used_fails(company: Installation) -> None:
    file = company.folder / "file"
    file.write_text("")
    write(company, audio=f'url = "{file.as_uri()}"')
    assert checks(company)["audio store"]["grade"] == "failed"
    write(company, audio=f'url = "{(file / "below").as_uri()}"')
    assert "cannot be made" in checks(company)["audio store"]["detail"]


@pytest.mark.parametrize(
    ("answers", "settings", "said", "cure"),
    [
        ([b"554 go away\r\n"], "", "554 go away", "Start it"),
        ([b"220 hi\r\n", b"250 hi\r\n"], 'security = "starttls"', "STARTTLS", "Start it"),
        (
            [b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN\r\n", b"535 no\r\n", b"535 no\r\n"],
            'username = "box"\npassword = "geheim"',
            "535 no",
            "smtp.username",
        ),
        ([], "", "127.0.0.1 port", "Start it"),
    ],
    ids=["refused", "no-starttls", "wrong-login", "hangs-up"],
)
async def test_trouble_with_the_mail_server_has_its_cure(
    answers: list[bytes], settings: str, said: str, cure: str, bare_installation: Installation
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            writer.write(answer)
            await reader.readline()
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        write(bare_installation, smtp=f"port = {server.sockets[0].getsockname()[1]}\n{settings}")
        found = await mail_server(read_config(bare_installation.config))
        await ended.wait()
    assert found.grade is Grade.FAILED
    assert said in found.detail
    assert cure in found.cure
    assert "geheim" not in str(found)


async def test_a_missing_authority_is_named(bare_installation: Installation) -> None:
    write(bare_installation, smtp='security = "starttls"\nca = "nowhere.pem"')
    assert "smtp.ca" in (await mail_server(read_config(bare_installation.config))).detail
