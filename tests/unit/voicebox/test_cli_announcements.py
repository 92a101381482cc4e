"""`voicebox announcement add|list|delete|choose`."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.containers import contained
from tests.fakes.installation import DIRECTORY, Installation
from voicebox.greeting_file import FILE_MAX_BYTES
from voicebox.mailbox import Mailbox
from voicebox.storage import mailboxes, outbox
from voicebox.storage.database import Database


def recording(folder: Path, name: str = "ferien.wav", length_s: float = 2.0, *, key: bool = False) -> str:
    """Write a recording, with the keypad tone of a 5 in it where there is to be one; return its path."""
    samples = np.random.default_rng(3).normal(0, 0.05, round(8000 * length_s))
    if key:
        at = np.arange(2000) / 8000
        samples[8000:10_000] = 0.2 * (np.sin(2 * np.pi * 770 * at) + np.sin(2 * np.pi * 1336 * at))
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format="WAV")
    path = folder / name
    path.write_bytes(file.getvalue())
    return str(path)


@pytest.fixture
def shared(company: Installation) -> Installation:
    """Announcement 1 is the company's, 2 is 1001's own."""
    file = recording(company.folder)
    company.run("announcement", "add", file, "--name", "Betriebsferien [rot]")
    company.run("announcement", "add", file, "--name", "Urlaub", "--mailbox", "+49 211 5551001")
    return company


def anna(installation: Installation) -> tuple[Mailbox, list[str]]:
    """Return mailbox 1001, and what its owner was told."""

    async def ask(db: Database) -> tuple[Mailbox, list[str]]:
        async with db.read() as connection:
            found = (await mailboxes.by_numbers(connection, 1, ["1001"]))["1001"].mailbox
            rows = await outbox.page(connection, unfinished=False)
        return found, [row.payload["change"] for row in reversed(rows) if row.kind == "mail-changed"]

    return installation.ask(ask)


def test_row_12_what_is_added_is_listed_with_its_owner(shared: Installation) -> None:
    company, own = shared.json("announcement", "list")["announcements"]
    assert (company["id"], company["name"], company["mailbox"], company["used_by"]) == (
        1,
        "Betriebsferien [rot]",
        None,
        [],
    )
    assert 2.0 < company["duration_s"] < 2.5
    assert (own["id"], own["name"], own["mailbox"]) == (2, "Urlaub", "1001")
    shown = shared.run("announcement", "list").stdout
    assert "Betriebsferien [rot]" in shown
    assert "company" in shown
    assert [each["id"] for each in shared.json("announcement", "list", "--mailbox", "1002")["announcements"]] == [1]
    assert [each["id"] for each in shared.json("announcement", "list", "--mailbox", "1001")["announcements"]] == [1, 2]


def test_row_12_adding_says_what_was_made(company: Installation) -> None:
    file = recording(company.folder)
    assert "announcement 1 (Ferien): added, 2." in company.run("announcement", "add", file, "--name", " Ferien ").stdout
    made = company.json("announcement", "add", file, "--name", "Mehr", "--mailbox", "1002")
    assert (made["id"], made["name"], made["mailbox"]) == (2, "Mehr", "1002")
    assert made["created"].endswith("Z")


def test_row_12_a_file_that_is_no_announcement_is_named_with_its_cure(company: Installation) -> None:
    folder = company.folder
    (folder / "text.wav").write_bytes(b"no audio")
    (folder / "large.wav").write_bytes(b"\0" * (FILE_MAX_BYTES + 1))
    for file, said in (
        ("missing.wav", "cannot be read: No such file or directory. Give the path of a file that can be read."),
        (".", "cannot be read: Is a directory."),
        ("text.wav", "is no audio file that can be read. Save it as WAV, FLAC, MP3 or Ogg."),
        ("large.wav", "is larger than 10 MB. Make it shorter"),
        (recording(folder, "long.wav", 181), "is longer than 180 s. Make it shorter."),
        (recording(folder, "keys.wav", key=True), "has a keypad tone in it, 1."),
    ):
        path = folder / file
        result = company.run("announcement", "add", str(path), "--name", "a", expect=2)
        assert f"voicebox: {path} {said}" in result.stderr
    assert company.json("announcement", "list") == {"announcements": []}


def test_row_12_what_a_phone_recorded_is_added(company: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    path = company.folder / "memo.m4a"
    path.write_bytes(contained(np.random.default_rng(3).normal(0, 0.05, 16_000), 8000, "m4a", company.folder))
    assert "added, 2." in company.run("announcement", "add", str(path), "--name", "Ferien").stdout
    # The same on a machine without ffmpeg, by either way in.
    monkeypatch.setenv("PATH", str(company.folder))
    cure = "Install it (apt install ffmpeg), or save the file as WAV, FLAC, MP3 or Ogg."
    refused = company.run("announcement", "add", str(path), "--name", "Mehr", expect=2)
    assert f"{path} is M4A or WebM, which needs ffmpeg. {cure}" in refused.stderr
    directory = company.folder / "directory.toml"
    directory.write_text(f'{DIRECTORY}busy_greeting = "memo.m4a"\n')
    by_file = company.run("apply", str(directory), expect=1).stderr
    assert "line 21: mailbox[1].busy_greeting: is M4A or WebM, which needs ffmpeg" in by_file
    assert cure in by_file
    assert [each["name"] for each in company.json("announcement", "list")["announcements"]] == ["Ferien"]


def test_row_12_one_more_than_there_may_be_is_refused_with_the_cure(
    shared: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebox.announcements.MAILBOX_MAX", 1)
    file = recording(shared.folder)
    full = shared.run("announcement", "add", file, "--name", "Mehr", "--mailbox", "1001", expect=1)
    assert "mailbox 1001 has 1 announcements already. Delete one first" in full.stderr


def test_row_12_what_else_is_wrong_is_said(shared: Installation) -> None:
    file = recording(shared.folder)
    for name in ("", "  ", "x" * 81, "a\nb"):
        refused = shared.run("announcement", "add", file, "--name", name, expect=2)
        assert "--name: write 1 to 80 characters" in refused.stderr
    taken = shared.run("announcement", "add", file, "--name", "Urlaub", "--mailbox", "1001", expect=1)
    assert "mailbox 1001 has an announcement 'Urlaub' already" in taken.stderr
    assert (
        "no mailbox '4711'"
        in shared.run(*("announcement", "add", file, "--name", "a", "--mailbox", "4711"), expect=3).stderr
    )
    assert "no announcement 3" in shared.run("announcement", "delete", "3", expect=3).stderr
    assert "no announcement 3" in shared.run("announcement", "choose", "1001", "busy", "3", expect=3).stderr
    assert "is no id" in shared.run("announcement", "choose", "1001", "busy", "Urlaub", expect=2).stderr
    shared.run("announcement", "choose", "1001", "always", "1", expect=2)
    shared.run("announcement", "delete", "-1", expect=2)
    foreign = shared.run("announcement", "choose", "1002", "busy", "2", expect=3)
    assert "mailbox 1002 cannot choose announcement 2 (Urlaub): it is another's own." in foreign.stderr


def test_row_12_another_company_s_are_unknown(shared: Installation) -> None:
    shared.apply('[company]\nname = "Andere GmbH"\n\n[[mailbox]]\nnumber = "1001"\nname = "Fremde"\n')
    other = ("--company", "Andere GmbH")
    assert shared.json("announcement", "list", *other) == {"announcements": []}
    shared.run("announcement", "delete", "1", *other, expect=3)
    foreign = shared.run("announcement", "choose", "1001", "busy", "1", *other, expect=3)
    assert "Andere GmbH has no announcement 1." in foreign.stderr
    assert "Betriebsferien" not in foreign.stderr
    assert "several companies" in shared.run("announcement", "list", expect=2).stderr


def test_row_12_what_is_chosen_plays_until_the_default_is_chosen(shared: Installation) -> None:
    chosen = shared.run("announcement", "choose", "1001", "busy", "1")
    assert chosen.stdout == "mailbox 1001, busy: Betriebsferien [rot]\n"
    mailbox, told = anna(shared)
    assert mailbox.busy_greeting is not None
    assert told == ["busy-chosen"]
    (company, _) = shared.json("announcement", "list")["announcements"]
    assert company["used_by"] == [{"mailbox": "1001", "kind": "busy"}]
    assert "1001 (busy)" in shared.run("announcement", "list").stdout
    again = shared.json("announcement", "choose", "1001", "busy", "default")
    assert again == {"mailbox": "1001", "kind": "busy", "announcement": None, "name": None}
    mailbox, told = anna(shared)
    assert mailbox.busy_greeting is None
    assert told == ["busy-chosen", "busy-default"]


def test_row_12_one_in_use_is_deleted_only_where_the_default_may_replace_it(shared: Installation) -> None:
    shared.run("announcement", "choose", "1001", "no-answer", "1")
    shared.run("announcement", "choose", "1002", "alternative-2", "1")
    refused = shared.run("announcement", "delete", "1", expect=1)
    assert "announcement 1 (Betriebsferien [rot]) is used by 1001 (no-answer), 1002 (alternative-2)." in refused.stderr
    assert "--replace-by-default" in refused.stderr
    gone = shared.json("announcement", "delete", "1", "--replace-by-default")
    assert gone == {
        "deleted": 1,
        "replaced": [{"mailbox": "1001", "kind": "no-answer"}, {"mailbox": "1002", "kind": "alternative-2"}],
    }
    mailbox, told = anna(shared)
    assert mailbox.no_answer_greeting is None
    assert told == ["no-answer-chosen", "no-answer-default"]
    assert shared.run("announcement", "delete", "2").stdout == "announcement 2 (Urlaub): deleted\n"
    assert shared.json("announcement", "list") == {"announcements": []}
