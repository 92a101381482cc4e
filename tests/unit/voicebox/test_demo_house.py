"""The demo's house: files that voicebox takes, lamps, and letters."""

import socket
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.ports import free_port
from voicebox.config import read_config
from voicebox.demo import service
from voicebox.demo.company import Places, configuration_file, directory_file, example
from voicebox.demo.lamp import read as read_light
from voicebox.demo.letters import read as read_letter
from voicebox.directory_file import read_directory
from voicebox.i18n import Language

PLACES = Places(sip=0, web=8081, smtp=2525, lamps=5070, rtp=(20000, 20199))


@pytest.mark.parametrize("language", list(Language))
def test_voicebox_takes_the_files(language: Language, tmp_path: Path) -> None:
    company = example(language)
    (tmp_path / "voicebox.toml").write_text(configuration_file(PLACES))
    (tmp_path / "directory.toml").write_text(directory_file(company))
    settings = read_config(tmp_path / "voicebox.toml")
    assert settings.sip.peer[0].mwi_target("1001") == "sip:1001@127.0.0.1:5070"
    directory = read_directory(tmp_path / "directory.toml")
    assert directory.company.language is language
    assert [each.entry.number for each in directory.mailboxes] == ["1001", "1002"]
    # Who fetches messages calls from a phone that is nobody's, so that the number is asked for.
    assert company.mobile not in {each.phone for each in company.members}


def test_passwords_are_new_each_time() -> None:
    first, second = example(Language.DE), example(Language.DE)
    assert first.anna.device_password != second.anna.device_password
    assert first.anna.pin == second.anna.pin


def test_a_light_is_read_from_a_message_summary() -> None:
    on = read_light("1001", "Messages-Waiting: yes\r\nMessage-Account: sip:8000@x\r\nVoice-Message: 2/1 (0/0)\r\n")
    assert on is not None
    assert (on.number, on.on, on.new, on.saved) == ("1001", True, 2, 1)
    off = read_light("1001", "messages-waiting: no\r\n")
    assert off is not None
    assert (off.on, off.new, off.saved) == (False, 0, 0)
    assert read_light("1001", "hello") is None


def test_a_letter_is_read_with_its_attachments() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "voicebox@example.org", "anna@example.org", "Neue Nachricht für Sie"
    mail.set_content("Guten Tag.\n")
    mail.add_alternative("<p>Guten Tag.</p>", subtype="html")
    mail.add_attachment(b"mp3" * 1000, maintype="audio", subtype="mpeg", filename="nachricht.mp3")
    letter = read_letter(bytes(mail), "anna@example.org")
    assert (letter.recipient, letter.subject, letter.text) == (
        "anna@example.org",
        "Neue Nachricht für Sie",
        "Guten Tag.",
    )
    (attached,) = letter.attachments
    assert (attached.name, attached.kind, attached.size) == ("nachricht.mp3", "audio/mpeg", 3000)


def test_a_taken_port_is_passed_over() -> None:
    free = free_port("127.0.0.1", "tcp")
    assert service.free_port(free) == free
    with socket.create_server(("127.0.0.1", free)):
        assert service.free_port(free) not in {0, free}


def test_encoded_prompts_outlive_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "demo"
    folder.mkdir()
    service.keep_encoded_prompts(folder / "var")
    (folder / "var" / "cache" / "de.prompts").write_bytes(b"encoded")
    service.remove_folder(folder)
    assert not folder.exists()
    assert (tmp_path / "home" / "voicebox" / "demo" / "de.prompts").read_bytes() == b"encoded"


def test_without_a_cache_folder_the_demo_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file, not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    service.keep_encoded_prompts(tmp_path / "var")
    assert list((tmp_path / "var").iterdir()) == []
