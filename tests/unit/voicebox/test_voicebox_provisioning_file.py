"""`directory.toml`: what is accepted, and what each mistake says."""

import wave
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from voicebox.directory_file import read_directory
from voicebox.directory_plan import DirectoryError, DirectoryFile
from voicebox.greeting_file import GreetingRefused, decoded, read_greeting
from voicebox.i18n import Language

COMPANY = """
[company]
name = "Beispiel GmbH"
language = "de"
time_zone = "Europe/Berlin"
country_code = "49"
area_code = "211"
"""
ANNA = """
[[mailbox]]
number = "1001"
phone = "+492115551001"
name = "Anna Beispiel"
"""
BERT = """
[[mailbox]]
number = "1002"
name = "Bert"
"""
DOCUMENTED = (
    COMPANY
    + """
[[mailbox]]
number = "1001"
phone = "+492115551001"
name = "Anna Beispiel"
language = "de"
pin = "274913"
pin_is_final = true
web_password = "a-long-demo-password"
device_password = "phone-1001"
email = "anna@example.org"
notify_email = "anna@example.org"
copy_email = "archive@example.org"
redirect_email = ""
zero_out = "+49 211 5559999"
aliases = ["+49 170 1234567"]
auto_login = false
rings = 4
busy_greeting = "busy.wav"
no_answer_greeting = "away.wav"
send_all = false
send_busy = true
send_no_answer = true
enabled = true
mwi = true
dnd = false
forward_always = "+49 30 1234567"
forward_busy = "1002"
away = false
[[mailbox]]
number = "1002"
name = "Bert"
[[mailbox]]
number = "1003"
phone = "0211 555-1003"
name = "Carla"
[[distribution_list]]
owner = "1001"
number = 1
description = "Support-Team"
members = ["1002", "0211-555-1003", "1003", "0170 1234567"]
shared = false
"""
)


def tone(path: Path, *, seconds: float = 0.5, rate_hz: int = 8000, channels: int = 1, level: float = 0.3) -> None:
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    sine = (level * np.sin(2 * np.pi * 440 * at))[:, np.newaxis].repeat(channels, axis=1)
    soundfile.write(path, sine, rate_hz)


def read(folder: Path, text: str) -> DirectoryFile:
    path = folder / "directory.toml"
    path.write_text(text)
    return read_directory(path)


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    """Return (line, key, sentence) of each."""
    with pytest.raises(DirectoryError) as caught:
        read(folder, text)
    found = []
    for problem in caught.value.problems:
        place, _, line = problem.place.rpartition(", line ")
        assert place == str(folder / "directory.toml")
        assert problem.cure.endswith((".", "?"))
        found.append((int(line), problem.key, problem.what))
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in found)
    return found


def test_the_documented_file_is_read(tmp_path: Path) -> None:
    tone(tmp_path / "busy.wav")
    tone(tmp_path / "away.wav")
    file = read(tmp_path, DOCUMENTED)
    anna, _, carla = file.mailboxes
    assert (file.company.name, file.company.language) == ("Beispiel GmbH", Language.DE)
    assert anna.entry.redirect_email is None
    assert anna.phone == "+492115551001"
    assert anna.aliases == ("+491701234567",)
    assert anna.destinations == {
        "zero_out": "+492115559999",
        "forward_always": "+49301234567",
        "forward_busy": "1002",
        "forward_no_answer": None,
        "forward_unreachable": None,
    }
    assert anna.greetings.keys() == {"busy_greeting", "no_answer_greeting"}
    assert anna.username == "1001"
    assert (carla.phone, carla.aliases, carla.greetings) == ("+492115551003", None, {})
    assert file.lists[0].members == ("1002", "1003", "1001")


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    tone(tmp_path / "busy.wav")
    tone(tmp_path / "away.wav")
    shown = repr(read(tmp_path, DOCUMENTED))
    for secret in ("274913", "a-long-demo-password", "phone-1001"):
        assert secret not in shown


MISTAKES = [
    (COMPANY + "[[mailbox]]\nnumber = '1001'\nname = 'A'\nring = 4", 11, "mailbox[0].ring", "there is no such key"),
    ("", 1, "company", "is missing"),
    ("[company]\nlanguage = 'de'", 1, "company.name", "is missing"),
    ("[company]\nname = 'A'\nlanguage = 'fr'", 3, "company.language", '"fr" is not one of the choices'),
    ("[company]\nname = ''", 2, "company.name", "is empty"),
    ("[company]\nname = 'A\\u0007'".replace("'", '"'), 2, "company.name", "cannot be shown"),
    ("[company]\nname = 'A'\ntime_zone = 'Berlin'", 3, "company.time_zone", "is not a time zone"),
    ("[company]\nname = 'A'\ncountry_code = '+49'", 3, "company.country_code", "is no country code"),
    ("[company]\nname = 'A'\narea_code = 'x'", 3, "company.area_code", "is no area code"),
    ("company = 'A'", 1, "company", "is not a table"),
    (COMPANY + "[mailbox]\nnumber = '1001'", 8, "mailbox", "is not a list"),
    (COMPANY + BERT + "rings = 1", 12, "mailbox[0].rings", "1 is not a number of rings"),
    (COMPANY + BERT + "rings = 21", 12, "mailbox[0].rings", "21 is not a number of rings"),
    (COMPANY + BERT + "rings = '4'", 12, "mailbox[0].rings", "is not a whole number"),
    (COMPANY + BERT + "rings = true", 12, "mailbox[0].rings", "is not a whole number"),
    (COMPANY + BERT + "enabled = 1", 12, "mailbox[0].enabled", "1 is neither true nor false"),
    (COMPANY + BERT + "email = 'bert'", 12, "mailbox[0].email", "'bert' is not an e-mail address"),
    (COMPANY + BERT + 'email = "a@b.c\\r\\nBcc: x@y.z"', 12, "mailbox[0].email", "is not an e-mail address"),
    (COMPANY + BERT + "email = 'a@b.c, x@y.z'", 12, "mailbox[0].email", "is not an e-mail address"),
    (COMPANY + BERT + "retention_days = 5", 12, "mailbox[0].retention_days", "5 is not a choice"),
    (COMPANY + BERT + "message_max_min = 11", 12, "mailbox[0].message_max_min", "11 is too large"),
    (COMPANY + BERT + "mailbox_max_min = 9", 12, "mailbox[0].mailbox_max_min", "9 is too small"),
    (COMPANY + BERT + "phone = '0049 211 5551002'", 12, "mailbox[0].phone", "begins with more than one 0"),
    (COMPANY + BERT + "zero_out = '0211/555'", 12, "mailbox[0].zero_out", "something else than digits"),
    (COMPANY + BERT + "zero_out = '112'", 12, "mailbox[0].zero_out", "is an emergency number"),
    (COMPANY + BERT + "zero_out = '110'", 12, "mailbox[0].zero_out", "is an emergency number"),
    (COMPANY + BERT + "zero_out = '116117'", 12, "mailbox[0].zero_out", "is an emergency number"),
    (COMPANY + BERT + "forward_busy = '116 117'", 12, "mailbox[0].forward_busy", "is an emergency number"),
    (COMPANY + BERT + "zero_out = '00442079460000'", 12, "mailbox[0].zero_out", "begins with more than one 0"),
    (COMPANY + BERT + "zero_out = '0900 1234567'", 12, "mailbox[0].zero_out", "costs more than a usual call"),
    (COMPANY + BERT + "forward_busy = '1002'", 12, "mailbox[0].forward_busy", "is the mailbox's own number"),
    (COMPANY + ANNA + "zero_out = '0211 5551001'", 13, "mailbox[0].zero_out", "is the mailbox's own number"),
    (COMPANY + BERT + "aliases = [\n'0170--1'\n]", 13, "mailbox[0].aliases[0]", "two in a row"),
    (COMPANY + BERT + "aliases = [1701234567]", 12, "mailbox[0].aliases[0]", "1701234567 is not text"),
    (COMPANY + BERT + "aliases = '+491701234567'", 12, "mailbox[0].aliases", "is not a list"),
    (COMPANY + BERT + "device_password = 'short'", 12, "mailbox[0].device_password", "has 5 characters"),
    (COMPANY + BERT + "device_username = 'a b'", 12, "mailbox[0].device_username", "is not a user name"),
    (COMPANY + BERT + "busy_greeting = 'none.wav'", 12, "mailbox[0].busy_greeting", "cannot be read: No such file"),
    (COMPANY + BERT + "number = '1003'", 12, "", "not valid TOML"),
    (COMPANY + "[[mailbox]]\nnumber = 1001\nname = 'A'", 9, "mailbox[0].number", "1001 is not text"),
    (COMPANY + "[[mailbox]]\nnumber = '10a'\nname = 'A'", 9, "mailbox[0].number", "is not an extension"),
    (COMPANY + "[[mailbox]]\nnumber = '1001'", 8, "mailbox[0].name", "is missing"),
    (COMPANY + "[[tariff]]\nname = 'M'", 8, "tariff", "belongs to a later release"),
    (COMPANY + "[[account]]\nname = 'M'", 8, "account", "belongs to a later release"),
    (COMPANY + "[[mailboxes]]\nname = 'M'", 8, "mailboxes", "there is no such key"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "says"), MISTAKES)
def test_each_mistake_is_named_with_line_key_and_cure(
    tmp_path: Path, text: str, line: int, key: str, says: str
) -> None:
    found = problems(tmp_path, text)
    assert [(where, which) for where, which, _ in found] == [(line, key)]
    assert says in found[0][2]


def test_a_misspelled_key_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match=r"Did you mean forward_busy\?"):
        read(tmp_path, COMPANY + BERT + "forward_bsy = '1001'")


@pytest.mark.parametrize(
    ("pin", "says"),
    [("'123456'", "ascending"), ("'12356'", "fewer than 6"), ("'112222'", "equal"), ("'121212'", "repeats"),
     ("'5551001'", "own numbers"), ("274913", "is not text"), ("'27491a'", "digits only")],
)  # fmt: skip
def test_a_pin_that_the_phone_would_refuse_is_refused_without_being_shown(tmp_path: Path, pin: str, says: str) -> None:
    ((line, key, what),) = problems(tmp_path, COMPANY + ANNA + f"pin = {pin}")
    assert (line, key) == (13, "mailbox[0].pin")
    assert says in what
    assert pin.strip("'") not in what


def test_one_number_in_three_spellings_is_a_duplicate_in_words(tmp_path: Path) -> None:
    found = problems(tmp_path, COMPANY + BERT + "aliases = ['+49 2115551111',\n'02115551111',\n'0211-555-1111']")
    assert found == [
        (13, "mailbox[0].aliases[1]", "'02115551111' is the same number as mailbox[0].aliases[0] on line 12"),
        (14, "mailbox[0].aliases[2]", "'0211-555-1111' is the same number as mailbox[0].aliases[0] on line 12"),
    ]


@pytest.mark.parametrize(
    "second",
    ["[[mailbox]]\nname = 'B'\nnumber = '1001'", "[[mailbox]]\nnumber = '1002'\nname = 'B'\nphone = '0211 5551001'",
     "[[mailbox]]\nnumber = '1002'\nname = 'B'\naliases = ['0211 5551001']"],
)  # fmt: skip
def test_a_number_belongs_to_one_mailbox(tmp_path: Path, second: str) -> None:
    ((_, _, what),) = problems(tmp_path, COMPANY + ANNA + second)
    assert "is the same number as mailbox[0]." in what


def test_eleven_aliases_are_too_many(tmp_path: Path) -> None:
    aliases = ", ".join(f"'+4917012345{number}'" for number in range(10, 21))
    ((_, key, what),) = problems(tmp_path, COMPANY + BERT + f"aliases = [{aliases}]")
    assert (key, what) == ("mailbox[0].aliases", "there are 11 aliases")


@pytest.mark.parametrize(
    ("entry", "key", "says"),
    [
        (
            "owner = '9'\nnumber = 1\ndescription = 'S'\nmembers = ['1001']",
            "owner",
            "no mailbox here has the number '9'",
        ),
        ("owner = '1001'\nnumber = 16\ndescription = 'S'\nmembers = ['1001']", "number", "16 is too large"),
        ("owner = '1001'\nnumber = 1\ndescription = ''\nmembers = ['1001']", "description", "is empty"),
        ("owner = '1001'\nnumber = 1\ndescription = 'S'\nmembers = []", "members", "is empty"),
        ("owner = '1001'\nnumber = 1\ndescription = 'S'\nmembers = ['9']", "members[0]", "no mailbox here"),
        ("owner = '1001'\nnumber = 1\ndescription = 'S'\nmembers = ['x']", "members[0]", "something else than digits"),
        (f"owner = '1001'\nnumber = 1\ndescription = '{'x' * 81}'\nmembers = ['1001']", "description", "is too long"),
    ],
)
def test_a_list_must_be_usable(tmp_path: Path, entry: str, key: str, says: str) -> None:
    ((_, found, what),) = problems(tmp_path, COMPANY + ANNA + "[[distribution_list]]\n" + entry)
    assert found == f"distribution_list[0].{key}"
    assert says in what


def test_list_numbers_are_free(tmp_path: Path) -> None:
    one = "[[distribution_list]]\nowner = '{}'\nnumber = 1\ndescription = 'S'\nmembers = ['1001']\nshared = {}\n"
    twice = problems(tmp_path, COMPANY + ANNA + one.format("1001", "false") + one.format("1001", "false"))
    assert "1001 has a list 1 already" in twice[0][2]
    shared = problems(tmp_path, COMPANY + ANNA + BERT + one.format("1001", "true") + one.format("1002", "true"))
    assert "there is a shared list 1 already" in shared[0][2]
    assert (
        len(read(tmp_path, COMPANY + ANNA + BERT + one.format("1001", "true") + one.format("1002", "false")).lists) == 2
    )


def test_a_teams_members_must_be_people_of_the_file(tmp_path: Path) -> None:
    team = "[[mailbox]]\nnumber = '2000'\nname = 'V'\nteam = true\nmembers = {}\n"
    ((_, found, what),) = problems(tmp_path, COMPANY + ANNA + team.format("['1001', '1009']"))
    assert (found, "no mailbox here" in what) == ("mailbox[1].members[1]", True)
    ((_, found, what),) = problems(tmp_path, COMPANY + ANNA + team.format("['2000']"))
    assert (found, "team mailbox itself" in what) == ("mailbox[1].members[0]", True)
    ((_, found, what),) = problems(tmp_path, COMPANY + BERT + "members = ['1002']\n")
    assert (found, "no team's" in what) == ("mailbox[0].members", True)
    ((number, members),) = [
        (each.number, each.members) for each in read(tmp_path, COMPANY + ANNA + team.format("['1001']")).teams
    ]
    assert (number, members) == ("2000", ("1001",))


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = COMPANY + ANNA + "rings = 1\ntypo = 2\npin = 'x'\n" + BERT + "email = '@'\n[[family]]\n"
    assert [key for _, key, _ in problems(tmp_path, text)] == [
        "mailbox[0].rings",
        "mailbox[0].typo",
        "mailbox[1].email",
        "family",
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match=r"none\.toml: cannot be read: No such file"):
        read_directory(tmp_path / "none.toml")


FRAGMENTS = [
    "[company]",
    "[[mailbox]]",
    "name = 'A'",
    "number = '1'",
    "number = 1",
    "pin = ''",
    "aliases = [[]]",
    "mailbox = 3",
    "phone = ''",
    "members = [1]",
    "[[distribution_list]]",
    "owner = {}",
    "a.b = 1",
    "name = 1e999",
    "x = nan",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=8))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_text("\n".join(lines))
    with suppress(DirectoryError):
        read_directory(path)


# Greetings


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (44100, 2), (16000, 1)])
def test_a_greeting_s_file_is_decoded_to_mono(tmp_path: Path, suffix: str, rate_hz: int, channels: int) -> None:
    path = tmp_path / f"greeting.{suffix}"
    tone(path, seconds=1.0, rate_hz=rate_hz, channels=channels)
    samples, found_hz = decoded(read_greeting(path))
    assert found_hz == rate_hz
    assert samples.ndim == 1
    assert len(samples) == pytest.approx(rate_hz, rel=0.1)
    middle = samples[rate_hz // 4 : 3 * rate_hz // 4]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings == pytest.approx(440, abs=4)


def test_what_is_no_greeting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("RIFF but not really")
    (tmp_path / "empty.wav").write_bytes(b"")
    tone(tmp_path / "short.wav", seconds=0.05)
    with wave.open(str(tmp_path / "long.wav"), "wb") as long:
        long.setparams((1, 2, 8000, 0, "NONE", ""))
        long.writeframes(bytes(2 * 8000 * 181))
    with (tmp_path / "huge.wav").open("wb") as sparse:
        sparse.truncate(11 * 1024 * 1024)
    for name, says in {
        "text.wav": "no audio file",
        "empty.wav": "no audio file",
        "short.wav": "holds no audio",
        "long.wav": "longer than 180 s",
        "huge.wav": "larger than 10 MB",
        "none.wav": "No such file",
        "": "cannot be read",
        "\x00": "is no file name",
    }.items():
        with pytest.raises(GreetingRefused, match=says):
            read_greeting(tmp_path / name)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    for start in (
        b"",
        b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00",
        b"fLaC",
        b"OggS",
        b"\xff\xfb\x90",
    ):
        try:
            decoded(start + data)
        except GreetingRefused:
            continue
