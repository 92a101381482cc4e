"""`voicebox demo` as a newcomer runs it: pyVoIP leaves a message and fetches it again. It is the pyVoIP test too."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types of its own
import pytest

pytestmark = pytest.mark.system

VOICEBOX = str(Path(sys.executable).with_name("voicebox"))
WITHIN_S = 400
"""It takes about a minute on a machine of its own."""


def demo(tmp_path: Path, cache: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the demo with folders of its own and the prompts that other tests encoded."""
    (tmp_path / "cache" / "voicebox").mkdir(parents=True)
    (tmp_path / "cache" / "voicebox" / "demo").symlink_to(cache)
    (tmp_path / "tmp").mkdir()
    return subprocess.Popen(
        [VOICEBOX, "demo", "--plain", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **os.environ,
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "TMPDIR": str(tmp_path / "tmp"),
            "PYTHONUNBUFFERED": "1",
        },
    )


def nothing_is_left(tmp_path: Path) -> None:
    assert list((tmp_path / "tmp").iterdir()) == []
    running = [each for each in psutil.process_iter(["environ"]) if each.info["environ"]]
    assert [each for each in running if each.info["environ"].get("TMPDIR") == str(tmp_path / "tmp")] == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_message_is_left_and_fetched_by_an_independent_phone(tmp_path: Path, cache: Path, language: str) -> None:
    process = demo(tmp_path, cache, "--once", "--language", language)
    said, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, said
    expected = {
        "de": [
            "Ihr Gesprächspartner ist zurzeit leider nicht erreichbar",
            "Aufnahmeton: 1000 Hz",
            "nach dem Auflegen: 1 neu, 0 gespeichert",
            "Mailbox 1001, Grund no-answer, umgeleitet von 1001",
            " 0 verloren",
            "(Clara Kunde)",
            "Neue Nachricht von Clara Kunde",
            "audio/mpeg",
            "„Sie haben eine neue Nachricht.“",
            "Korrelation mit dem Gesprochenen",
            "„Gespeichert.“",
            "aus: 0 neu, 1 gespeichert",
            "Alles hat geklappt.",
            "http://127.0.0.1:",
        ],
        "en": [
            "The person you are calling is not available",
            "record tone: 1000 Hz",
            "after hanging up: 1 new, 0 saved",
            "mailbox 1001, reason no-answer, diverted by 1001",
            " 0 lost",
            "(Clara Customer)",
            "New message from Clara Customer",
            "audio/mpeg",
            "“You have one new message.”",
            "correlation with what was spoken",
            "“Saved.”",
            "off: 0 new, 1 saved",
            "Everything worked.",
            "http://127.0.0.1:",
        ],
    }[language]
    missing = [each for each in expected if each not in said]
    assert not missing, said
    # In this order: it is a story.
    places = [said.index(each) for each in expected[:-1]]
    assert places == sorted(places), said
    nothing_is_left(tmp_path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path, cache: Path, how: signal.Signals) -> None:
    with contextlib.ExitStack() as stack:
        for port in (5060, 8080):  # the usual ones are taken, by us or by somebody else: it takes others
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        _interrupt(demo(tmp_path, cache, "--language", "en"), how)
    nothing_is_left(tmp_path)


def _until_the_call(process: "subprocess.Popen[str]") -> str:
    """Return what the demo said until the caller was answered."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if "voicebox picks up" in line:
            return seen
    pytest.fail(seen)


def _interrupt(process: "subprocess.Popen[str]", how: signal.Signals) -> None:
    seen = _until_the_call(process)
    process.send_signal(how)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 1, seen + rest
    assert "interrupted" in rest
    assert "udp:127.0.0.1:" in seen
    assert "127.0.0.1:5060" not in seen
    assert "127.0.0.1:8080" not in seen


def test_a_killed_demo_takes_its_processes_with_it(tmp_path: Path, cache: Path) -> None:
    process = demo(tmp_path, cache, "--language", "en")
    _until_the_call(process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=120)
    assert alive == [], [each.cmdline() for each in alive]
