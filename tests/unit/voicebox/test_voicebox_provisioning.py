"""`apply`: a company becomes what its file says, and says what changed."""

import hashlib
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlalchemy import Engine, event

from tests.fakes.mastering import mastered_here
from voicebox.access import Access, Outcome, Source
from voicebox.announcement import Kind, User
from voicebox.announcements import AnnouncementInUse, Announcements, Scope
from voicebox.directory_changes import find_company
from voicebox.errors import StoreUnavailable
from voicebox.events import Events
from voicebox.mailbox import Mailbox
from voicebox.pinhash import Cost, PinHasher
from voicebox.provisioning import APPLY_MAX_S, Applied, DirectoryError, Provisioner, read_directory
from voicebox.storage import announcements, audio, mailboxes, outbox
from voicebox.storage.blobs import AudioStore
from voicebox.storage.database import Database
from voicebox.storage.groupcommit import UNIT_MAX_S
from voicebox.storage.provisioned import Standing, standing
from voicebox.storage.tables import metadata
from voicebox.teams import Teams

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
PIN, OTHER_PIN = "274913", "860275"


class StillClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


class Scene:
    """An installation, and a folder with the file to apply."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder = folder
        self.db = db
        self.store = AudioStore.open((folder / "audio").as_uri())
        self.hasher = PinHasher(b"k" * 32, Cost(memory_kib=8, passes=1))
        self.realm = "voicebox.example"

    async def apply(self, text: str, *, dry_run: bool = False) -> Applied:
        path = self.folder / "directory.toml"
        path.write_text(text)
        provisioner = Provisioner(
            self.db, self.store, self.hasher, StillClock(), realm=self.realm, master=mastered_here
        )
        return await provisioner.apply(read_directory(path), dry_run=dry_run)

    async def said(self, text: str) -> list[str]:
        """Apply a file; check that it is idempotent and that a dry run foretells it; return the changes in words."""
        before = await self.dump()
        foretold = await self.apply(text, dry_run=True)
        assert await self.dump() == before
        applied = await self.apply(text)
        assert applied == foretold
        once = await self.dump()
        assert (await self.apply(text)).changes == ()
        assert await self.dump() == once
        return [str(change) for change in applied.changes]

    async def refused(self, text: str) -> str:
        """Apply a file that contradicts the company; check that nothing is written; return why."""
        before = await self.dump()
        with pytest.raises(DirectoryError) as caught:
            await self.apply(text)
        assert await self.dump() == before
        return str(caught.value)

    async def dump(self) -> list[str]:
        """Return all rows, as another connection sees them."""
        async with self.db.read() as connection:
            return [
                f"{table.name}: {row}"
                for table in metadata.sorted_tables
                for row in await connection.execute(table.select().order_by(*table.primary_key.columns))
            ]

    async def standing(self, number: str = "1001", company: str = "Beispiel GmbH") -> Standing:
        async with self.db.read() as connection:
            found = await find_company(connection, company)
            assert found is not None
            return (await standing(connection, found.id))[number]

    async def mailbox(self, number: str = "1001") -> Mailbox:
        return (await self.standing(number)).mailbox

    async def opens(self, pin: str) -> Outcome:
        access = Access(self.db, self.hasher, StillClock())
        source = Source("withheld:pbx", shared=True)
        mailbox = await self.mailbox()
        result = await access.login(company_id=mailbox.company_id, mailbox=mailbox, pin=pin, source=source)
        return result.outcome


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path, db)
    yield made
    made.hasher.close()


def tone(path: Path, level: float = 0.3) -> None:
    soundfile.write(path, level * np.sin(np.arange(4000) / 3), 8000)


async def test_a_new_company_gets_its_mailboxes(scene: Scene) -> None:
    assert await scene.said(COMPANY + ANNA + BERT) == [
        "company Beispiel GmbH: added",
        "mailbox 1001: added",
        "mailbox 1002: added",
    ]
    anna = await scene.mailbox()
    assert (anna.number, anna.phone, anna.name, anna.rings) == ("1001", "+492115551001", "Anna Beispiel", 4)
    assert (anna.language, anna.time_zone, anna.quota_s) == ("de", "Europe/Berlin", 6000)


async def test_a_file_may_take_longer_than_other_work(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of ten thousand mailboxes does; callers' messages must not be held up for as long."""
    allowed: list[float] = []
    write = Database.write

    async def noted(db: Database, work: Any, *, within_s: float = UNIT_MAX_S) -> Any:
        allowed.append(within_s)
        return await write(db, work, within_s=within_s)

    monkeypatch.setattr(Database, "write", noted)
    await scene.apply(COMPANY + ANNA, dry_run=True)
    await scene.apply(COMPANY + ANNA)
    assert allowed == [APPLY_MAX_S, APPLY_MAX_S]


async def test_every_key_is_stored(scene: Scene) -> None:
    text = """
language = "en"
time_zone = "Europe/London"
email = "a@example.org"
notify_email = "b@example.org"
copy_email = "c@example.org"
redirect_email = "d@example.org"
zero_out = "1002"
auto_login = true
rings = 0
send_all = true
send_busy = false
send_no_answer = false
enabled = false
mwi = false
dnd = true
away = true
away_recording = false
record_notice = true
forward_always = "0211 5559991"
forward_busy = "0211 5559992"
forward_no_answer = "0211 5559993"
forward_unreachable = "0211 5559994"
message_max_min = 2
mailbox_max_min = 10
retention_days = 0
everyone = true
team = true
"""
    await scene.said(COMPANY + ANNA + text + BERT)
    anna = await scene.mailbox()
    stored = {key: getattr(anna, key, None) for key in Mailbox.__dataclass_fields__}
    assert stored == {
        "id": anna.id,
        "company_id": anna.company_id,
        "number": "1001",
        "phone": "+492115551001",
        "name": "Anna Beispiel",
        "language": "en",
        "time_zone": "Europe/London",
        "enabled": False,
        "send_all": True,
        "send_busy": False,
        "send_no_answer": False,
        "dnd": True,
        "rings": 0,
        "forward_always": "+492115559991",
        "forward_busy": "+492115559992",
        "forward_no_answer": "+492115559993",
        "forward_unreachable": "+492115559994",
        "email": "a@example.org",
        "notify_email": "b@example.org",
        "copy_email": "c@example.org",
        "redirect_email": "d@example.org",
        "zero_out": "1002",
        "mwi": False,
        "auto_login": True,
        "away": True,
        "busy_greeting": None,
        "no_answer_greeting": None,
        "away_greeting": None,
        "name_recording": None,
        "forward_to": None,
        "away_recording": False,
        "record_notice": True,
        "everyone": True,
        "team": True,
        "message_max_s": 120,
        "quota_s": 600,
        "retention_days": 0,
    }


async def test_changes_are_said_by_the_file_s_keys_and_units(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA + "rings = 4\nnotify_email = 'a@example.org'\naliases = ['0170 1234567']")
    changed = (
        COMPANY.replace('"de"', '"en"')
        + """
[[mailbox]]
number = "1001"
phone = "+492115551009"
name = "Anna B."
rings = 6
language = "en"
zero_out = "1002"
mailbox_max_min = 200
auto_login = true
aliases = ["0171 1234567"]
"""
    )
    assert await scene.said(changed) == [
        "company Beispiel GmbH: language changed from de to en",
        "mailbox 1001: alias +491701234567 removed",
        "mailbox 1001: name changed from Anna Beispiel to Anna B.",
        "mailbox 1001: phone changed from +492115551001 to +492115551009",
        "mailbox 1001: zero_out set to 1002",
        "mailbox 1001: notify_email a@example.org removed",
        "mailbox 1001: language changed from de to en",
        "mailbox 1001: auto_login changed from off to on",
        "mailbox 1001: rings changed from 4 to 6",
        "mailbox 1001: mailbox_max_min changed from 100 to 200",
        "mailbox 1001: alias set to +491711234567",
    ]


async def test_switches_that_are_left_out_stay_as_the_subscriber_set_them(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA + "dnd = true\nrings = 7\naliases = ['0170 1234567']")
    assert await scene.said(COMPANY + ANNA) == []
    anna = await scene.standing()
    assert (anna.mailbox.dnd, anna.mailbox.rings) == (True, 7)
    assert [alias.number for alias in anna.aliases] == ["+491701234567"]


async def test_a_mailbox_that_is_left_out_is_reported_and_stays(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA + BERT)
    applied = await scene.apply(COMPANY + ANNA)
    assert (applied.changes, applied.not_in_file) == ((), ("1002",))
    assert (await scene.mailbox("1002")).name == "Bert"


async def test_each_company_has_its_own_numbers(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA)
    await scene.said(COMPANY.replace("Beispiel GmbH", "Other Ltd") + ANNA)
    assert (await scene.standing(company="Other Ltd")).mailbox.phone == "+492115551001"


async def test_numbers_move_between_mailboxes_in_any_order(scene: Scene) -> None:
    first = (
        COMPANY + ANNA + "aliases = ['0170 1234567']\n" + BERT + "phone = '0211 5551002'\naliases = ['0171 1234567']"
    )
    second = COMPANY + ANNA.replace("+492115551001", "+492115551002") + "aliases = ['0171 1234567']\n"
    second += BERT + "phone = '0211 5551001'\naliases = ['0170 1234567']"
    await scene.apply(first)
    await scene.said(second)
    anna, bert = await scene.standing("1001"), await scene.standing("1002")
    assert (anna.mailbox.phone, [alias.number for alias in anna.aliases]) == ("+492115551002", ["+491711234567"])
    assert (bert.mailbox.phone, [alias.number for alias in bert.aliases]) == ("+492115551001", ["+491701234567"])
    async with scene.db.read() as connection:
        found = await mailboxes.by_numbers(
            connection, anna.mailbox.company_id, ["+492115551001", "+491701234567", "1002"]
        )
    assert {line.mailbox.number for line in found.values()} == {"1002"}


async def test_a_number_of_a_mailbox_that_the_file_leaves_alone_is_refused(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA + "aliases = ['0170 1234567']")
    for key in ("phone = '0211 5551001'", "aliases = ['0170 1234567']"):
        why = await scene.refused(COMPANY + BERT + key)
        assert "belongs to mailbox 1001 already" in why
        assert "line 12" in why
    # In the file, but its aliases are left as they are.
    assert "belongs to mailbox 1001" in await scene.refused(COMPANY + ANNA + BERT + "phone = '0170 1234567'")


async def test_a_final_pin_opens_and_a_first_one_must_be_changed(scene: Scene) -> None:
    said = await scene.said(COMPANY + ANNA + f"pin = '{PIN}'\npin_is_final = true\n" + BERT + f"pin = '{OTHER_PIN}'")
    assert said.count("mailbox 1001: pin set") == said.count("mailbox 1002: pin set") == 1
    assert await scene.opens(PIN) is Outcome.OK
    assert not (await scene.standing("1001")).one_time
    assert (await scene.standing("1002")).one_time


async def test_no_secret_is_stored_or_said(scene: Scene) -> None:
    text = f"pin = '{PIN}'\nweb_password = 'a-long-demo-password'\ndevice_password = 'phone-1001'"
    said = await scene.said(COMPANY + ANNA + text)
    assert said[2:] == ["mailbox 1001: device_password set", "mailbox 1001: pin set", "mailbox 1001: web_password set"]
    stored = "\n".join(await scene.dump())
    for secret in (PIN, "a-long-demo-password", "phone-1001"):
        assert secret not in stored
        assert secret not in "\n".join(said)


async def test_a_pin_that_its_owner_changed_does_not_come_back(scene: Scene) -> None:
    text = COMPANY + ANNA + f"pin = '{PIN}'"
    await scene.apply(text)
    access = Access(scene.db, scene.hasher, StillClock())
    for pin in (OTHER_PIN, "391846", "507284", "618390", "729405", "830516", "941627"):
        assert await access.set_pin(await scene.mailbox(), pin) == []
        assert await scene.said(text) == []
    assert await scene.opens("941627") is Outcome.OK
    assert await scene.said(text.replace(PIN, "150372")) == ["mailbox 1001: pin set"]
    assert await scene.opens("150372") is Outcome.OK
    assert await access.set_pin(await scene.mailbox(), "941627") != []


async def test_a_pin_set_otherwise_is_recognised(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA)
    access = Access(scene.db, scene.hasher, StillClock())
    await access.set_pin(await scene.mailbox(), PIN)
    assert await scene.said(COMPANY + ANNA + f"pin = '{PIN}'") == []
    await access.set_pin(await scene.mailbox(), OTHER_PIN)
    assert await scene.said(COMPANY + ANNA + f"pin = '{PIN}'") == []


async def test_a_first_pin_can_be_made_final_later(scene: Scene) -> None:
    text = COMPANY + ANNA + f"pin = '{PIN}'"
    await scene.apply(text)
    assert await scene.said(text + "\npin_is_final = true") == ["mailbox 1001: pin set"]
    assert not (await scene.standing()).one_time
    access = Access(scene.db, scene.hasher, StillClock())
    await access.reset_pin(await scene.mailbox())
    assert await scene.said(text + "\npin_is_final = true") == []
    assert (await scene.standing()).one_time


async def test_a_web_password_is_set_once(scene: Scene) -> None:
    text = COMPANY + ANNA + "web_password = 'a-long-demo-password'"
    assert await scene.said(text) == [
        "company Beispiel GmbH: added",
        "mailbox 1001: added",
        "mailbox 1001: web_password set",
    ]
    stored = (await scene.standing()).web_password_hash
    assert await scene.hasher.verify(stored, "a-long-demo-password")
    assert await scene.said(text.replace("demo", "other")) == ["mailbox 1001: web_password set"]


async def test_a_phone_gets_digests_of_its_password_in_the_realm(scene: Scene) -> None:
    text = COMPANY + ANNA + "device_password = 'phone-1001'"
    await scene.said(text)
    (device,) = (await scene.standing()).devices
    plain = b"1001:voicebox.example:phone-1001"
    assert (device.username, device.number, device.realm) == ("1001", "1001", "voicebox.example")
    assert device.ha1_md5 == hashlib.md5(plain, usedforsecurity=False).hexdigest()
    assert device.ha1_sha256 == hashlib.sha256(plain).hexdigest()
    assert await scene.said(text.replace("phone-1001", "phone-1009")) == ["mailbox 1001: device_password set"]
    scene.realm = "new.example"
    assert await scene.said(text) == ["mailbox 1001: device_password set"]
    (device,) = (await scene.standing()).devices
    assert device.realm == "new.example"
    assert await scene.said(text + "\ndevice_username = 'anna'") == ["mailbox 1001: device_password set"]
    (device,) = (await scene.standing()).devices
    assert device.username == "anna"
    text += "\ndevice_username = 'anna'\ndevice_md5_only = "
    assert await scene.said(text + "true") == ["mailbox 1001: device_password set"]
    (device,) = (await scene.standing()).devices
    assert device.md5_only
    assert await scene.said(text + "true") == []
    assert await scene.said(text + "false") == ["mailbox 1001: device_password set"]


async def test_phones_of_two_companies_need_two_names(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA + "device_password = 'phone-1001'")
    other = COMPANY.replace("Beispiel GmbH", "Other Ltd") + ANNA + "device_password = 'phone-other'"
    why = await scene.refused(other)
    assert "line 13: mailbox[0].device_password: device 1001 is taken already" in why
    assert "device_username" in why
    await scene.said(other + "\ndevice_username = 'other-1001'")


async def test_own_greetings_are_stored_once_as_the_phone_plays_them(scene: Scene) -> None:
    tone(scene.folder / "busy.wav")
    text = COMPANY + ANNA + "busy_greeting = 'busy.wav'\n" + BERT + "no_answer_greeting = 'busy.wav'"
    await scene.said(text)
    anna, bert = await scene.mailbox("1001"), await scene.mailbox("1002")
    assert anna.busy_greeting == bert.no_answer_greeting
    assert anna.busy_greeting is not None
    async with scene.db.read() as connection:
        row = await audio.get(connection, anna.busy_greeting)
    assert row is not None
    assert row.blob_key is not None
    assert (row.rate_hz, row.company_id) == (16000, anna.company_id)
    assert row.samples == pytest.approx(12_000, abs=800)  # half a second with the breath after it
    flac = await scene.store.get(row.blob_key)
    assert flac.startswith(b"fLaC")
    assert len(list((scene.folder / "audio").rglob("*.flac"))) == 1
    tone(scene.folder / "busy.wav", level=0.1)
    assert await scene.said(text) == [
        "mailbox 1001: busy_greeting changed from another recording to busy.wav",
        "mailbox 1002: no_answer_greeting changed from another recording to busy.wav",
    ]
    assert await scene.said(COMPANY + ANNA + BERT) == [
        "mailbox 1001: busy_greeting another recording removed",
        "mailbox 1002: no_answer_greeting another recording removed",
    ]


async def test_security_row_4_a_greeting_changed_by_a_file_is_told_to_its_owner(scene: Scene) -> None:
    async def told() -> list[tuple[str, str]]:
        async with scene.db.read() as connection:
            rows = await outbox.page(connection, unfinished=False)
        return sorted((row.payload["change"], row.payload["detail"]) for row in rows)

    tone(scene.folder / "urlaub.wav")
    tone(scene.folder / "ferien.wav", level=0.1)
    tone(scene.folder / "busy.wav", level=0.05)
    anna = COMPANY + ANNA + "email = 'anna@example.org'\n"
    await scene.said(anna + "busy_greeting = 'busy.wav'\n" + ALTERNATIVES)
    assert await told() == [], "a new mailbox has what it has"
    await scene.said(anna + "no_answer_greeting = 'ferien.wav'\n" + ALTERNATIVES.replace("Urlaub", "Sommer"))
    changes = [("alternative-chosen", "Sommer"), ("busy-default", ""), ("no-answer-chosen", "ferien.wav")]
    assert await told() == changes
    await scene.said(anna + "no_answer_greeting = 'ferien.wav'")
    assert await told() == changes, "alternatives that the file leaves out stay as they are"


async def test_a_greeting_that_the_subscriber_recorded_stays(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA)
    recorded = "0123456789ab4def8123456789abcdef"
    anna = await scene.mailbox()

    async def record(connection: Any) -> None:
        now = StillClock().now()
        await audio.add(
            connection,
            audio_id=recorded,
            company_id=anna.company_id,
            samples=8000,
            rate_hz=8000,
            now=now,
            blob_key="k",
            size_bytes=1,
        )
        await mailboxes.change_mailbox(connection, anna, {"busy_greeting": recorded}, now)

    await scene.db.write(record)
    assert await scene.said(COMPANY + ANNA) == []
    assert (await scene.mailbox()).busy_greeting == recorded


ALTERNATIVES = """
alternative_greetings = [
    { name = "Urlaub", file = "urlaub.wav" },
    { name = "Betriebsferien", file = "ferien.wav" },
]
"""


async def chosen(scene: Scene) -> dict[str, tuple[str, str | None]]:
    anna = await scene.mailbox()
    async with scene.db.read() as connection:
        return {
            kind.value: (choice.name, choice.audio_id)
            for kind, choice in (await announcements.choices(connection, anna.id)).items()
        }


async def test_alternative_greetings_are_there_to_be_chosen(scene: Scene) -> None:
    tone(scene.folder / "urlaub.wav")
    tone(scene.folder / "ferien.wav", level=0.1)
    assert await scene.said(COMPANY + ANNA + ALTERNATIVES) == [
        "company Beispiel GmbH: added",
        "mailbox 1001: added",
        "mailbox 1001: alternative_greetings[1] set to Urlaub",
        "mailbox 1001: alternative_greetings[2] set to Betriebsferien",
    ]
    first = await chosen(scene)
    assert {kind: name for kind, (name, _) in first.items()} == {
        "alternative-1": "Urlaub",
        "alternative-2": "Betriebsferien",
    }
    # What the subscriber chose of them plays on, whatever else is applied.
    anna, ferien = await scene.mailbox(), first["alternative-2"][1]
    await scene.db.write(
        lambda connection: mailboxes.change_mailbox(
            connection, anna, {"no_answer_greeting": ferien}, StillClock().now()
        )
    )
    assert await scene.said(COMPANY + ANNA + ALTERNATIVES) == []
    assert await scene.said(COMPANY + ANNA) == []
    assert (await scene.mailbox()).no_answer_greeting == ferien
    # A new recording plays at once; one that is left out leads back to the default.
    tone(scene.folder / "ferien.wav", level=0.05)
    await scene.said(COMPANY + ANNA + ALTERNATIVES)
    assert (await scene.mailbox()).no_answer_greeting == (await chosen(scene))["alternative-2"][1] != ferien
    one = "alternative_greetings = [{ name = 'Urlaub', file = 'urlaub.wav' }]"
    assert await scene.said(COMPANY + ANNA + one) == ["mailbox 1001: alternative_greetings[2] Betriebsferien removed"]
    assert (await scene.mailbox()).no_answer_greeting is None
    assert await scene.said(COMPANY + ANNA + "alternative_greetings = []") == [
        "mailbox 1001: alternative_greetings[1] Urlaub removed"
    ]


def announcing(scene: Scene) -> Announcements:
    return Announcements(scene.db, scene.store, mastered_here, events=Events(), clock=StillClock())


async def used_by(scene: Scene, announcement_id: int) -> list[User]:
    async with scene.db.read() as connection:
        found = await announcements.users(connection, announcement_id)
        company = await scene.mailbox()
        assert (await announcements.users_of_all(connection, company.company_id)).get(announcement_id, []) == found
    return found


ONE = "alternative_greetings = [{ name = 'Urlaub', file = 'a.wav' }]\n"


@pytest.mark.parametrize("replaced", [False, True])
async def test_deleting_an_own_announcement_changes_nobody_who_plays_the_same_file(
    scene: Scene, replaced: bool
) -> None:
    tone(scene.folder / "a.wav")
    await scene.apply(COMPANY + ANNA + ONE + "busy_greeting = 'a.wav'\n" + BERT + "no_answer_greeting = 'a.wav'")
    anna, bert = await scene.mailbox(), await scene.mailbox("1002")
    store, scope = announcing(scene), Scope(anna.company_id, anna.id)
    (own,) = await store.visible(scope)
    if replaced:
        assert await store.choose(anna, Kind.AWAY, own.id)
    else:
        await store.use_default(anna, Kind.ALTERNATIVE_1)
    assert await store.remove(scope, own.id, replace_by_default=replaced) is not None
    assert await scene.mailbox("1002") == bert
    after = await scene.mailbox()
    assert (after.busy_greeting, after.away_greeting) == (bert.no_answer_greeting, None)


async def test_what_another_alternative_of_the_same_file_plays_is_not_taken_away_with_one(scene: Scene) -> None:
    tone(scene.folder / "a.wav")
    two = "alternative_greetings = [{ name = 'Urlaub', file = 'a.wav' }, { name = 'Ferien', file = 'a.wav' }]"
    await scene.apply(COMPANY + ANNA + two)
    anna, store = await scene.mailbox(), announcing(scene)
    (_, audio_id), (_, same) = (await chosen(scene)).values()
    await scene.db.write(
        lambda connection: mailboxes.change_mailbox(
            connection, anna, {"no_answer_greeting": audio_id}, StillClock().now()
        )
    )
    scope = Scope(anna.company_id, anna.id)
    for own, plays in zip(await store.visible(scope), (same, None), strict=True):
        assert await store.remove(scope, own.id, replace_by_default=True)
        assert (await scene.mailbox()).no_answer_greeting == plays
    assert audio_id == same is not None


async def test_an_announcement_that_a_file_puts_another_in_the_place_of_is_not_in_use(scene: Scene) -> None:
    tone(scene.folder / "a.wav")
    tone(scene.folder / "b.wav", level=0.1)
    await scene.apply(COMPANY + ANNA)
    anna, store = await scene.mailbox(), announcing(scene)
    shared = await store.add(Scope(anna.company_id), "Ferien", (scene.folder / "a.wav").read_bytes())
    assert await store.choose(anna, Kind.BUSY, shared.id)
    assert await used_by(scene, shared.id) == [User("1001", Kind.BUSY)]
    with pytest.raises(AnnouncementInUse):
        await store.remove(Scope(anna.company_id), shared.id)
    await scene.said(COMPANY + ANNA + "busy_greeting = 'b.wav'")
    assert await used_by(scene, shared.id) == []
    assert await chosen(scene) == {}
    playing = (await scene.mailbox()).busy_greeting
    assert await store.remove(Scope(anna.company_id), shared.id) == ()
    assert (await scene.mailbox()).busy_greeting == playing is not None


async def test_a_new_file_of_an_alternative_plays_wherever_it_was_chosen_and_nowhere_else(scene: Scene) -> None:
    for name, level in (("a", 0.2), ("b", 0.1)):
        tone(scene.folder / f"{name}.wav", level=level)
    by_file = "away_greeting = 'a.wav'\n"
    await scene.apply(COMPANY + ANNA + ONE + by_file)
    anna, store = await scene.mailbox(), announcing(scene)
    (own,) = await store.visible(Scope(anna.company_id, anna.id))
    for kind in (Kind.BUSY, Kind.NO_ANSWER):
        assert await store.choose(anna, kind, own.id)
    await scene.said(COMPANY + ANNA + ONE.replace("a.wav", "b.wav") + by_file)
    after, (now,) = await scene.mailbox(), await store.visible(Scope(anna.company_id, anna.id))
    assert after.busy_greeting == after.no_answer_greeting == now.audio_id != own.audio_id
    assert after.away_greeting == own.audio_id
    # One of another name in its place leaves alone what was chosen for no answer itself.
    await scene.said(COMPANY + ANNA + "alternative_greetings = [{ name = 'Neu', file = 'a.wav' }]\n" + by_file)
    assert (await scene.mailbox()).no_answer_greeting == now.audio_id


async def test_a_greeting_of_the_file_is_not_changed_with_the_alternative_of_the_same_file(scene: Scene) -> None:
    for name, level in (("a", 0.2), ("b", 0.1)):
        tone(scene.folder / f"{name}.wav", level=level)
    by_file = "no_answer_greeting = 'a.wav'\n"
    await scene.apply(COMPANY + ANNA + ONE + by_file)
    playing = (await scene.mailbox()).no_answer_greeting
    await scene.said(COMPANY + ANNA + ONE.replace("a.wav", "b.wav") + by_file)
    assert (await scene.mailbox()).no_answer_greeting == playing


async def test_a_greeting_with_keypad_tones_is_refused_by_its_line(scene: Scene) -> None:
    t = np.arange(4000) / 8000
    soundfile.write(scene.folder / "keys.wav", 0.2 * (np.sin(2 * np.pi * 770 * t) + np.sin(2 * np.pi * 1336 * t)), 8000)
    text = await scene.refused(COMPANY + ANNA + "away_greeting = 'keys.wav'")
    assert "line 13: mailbox[0].away_greeting" in text
    assert "keypad tone" in text
    text = await scene.refused(COMPANY + ANNA + "alternative_greetings = [{ name = 'x', file = 'keys.wav' }]")
    assert "mailbox[0].alternative_greetings[0].file" in text


async def test_an_audio_store_that_is_away_changes_no_mailbox(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    tone(scene.folder / "busy.wav")
    await scene.apply(COMPANY + ANNA)
    before = await scene.dump()
    shutil.rmtree(scene.folder / "audio")
    (scene.folder / "audio").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await scene.apply(COMPANY + ANNA + "rings = 9\nbusy_greeting = 'busy.wav'")
    assert await scene.dump() == before


LIST = """
[[distribution_list]]
owner = "1001"
number = 1
description = "Support-Team"
members = ["1002", "0211 5551001"]
"""


async def test_lists_are_made_and_changed(scene: Scene) -> None:
    said = await scene.said(COMPANY + ANNA + BERT + LIST)
    assert said[3:] == ["list 1 of mailbox 1001: added"]
    (made,) = (await scene.standing()).lists
    assert (made.number, made.description, made.shared) == (1, "Support-Team", False)
    assert made.members == {(await scene.mailbox(number)).id for number in ("1001", "1002")}
    changed = LIST.replace("Support-Team", "Team").replace(', "0211 5551001"', "") + "shared = true"
    assert await scene.said(COMPANY + ANNA + BERT + changed) == [
        "list 1 of mailbox 1001: members changed from 1001, 1002 to 1002",
        "list 1 of mailbox 1001: description changed from Support-Team to Team",
        "list 1 of mailbox 1001: shared changed from off to on",
    ]
    assert await scene.said(COMPANY + ANNA + BERT) == []
    assert len((await scene.standing()).lists) == 1


async def test_row_19_a_list_s_description_can_be_a_recording(scene: Scene) -> None:
    tone(scene.folder / "support.wav")
    text = COMPANY + ANNA + BERT + LIST
    assert (await scene.said(text + "recording = 'support.wav'"))[3:] == ["list 1 of mailbox 1001: added"]
    (made,) = (await scene.standing()).lists
    assert made.recording is not None
    async with scene.db.read() as connection:
        row = await audio.get(connection, made.recording)
    assert row is not None
    assert row.blob_key is not None
    assert await scene.said(text + "recording = 'support.wav'") == []
    tone(scene.folder / "support.wav", level=0.1)
    assert await scene.said(text + "recording = 'support.wav'") == [
        "list 1 of mailbox 1001: recording changed from another recording to support.wav"
    ]
    assert (await scene.standing()).lists[0].recording not in {None, made.recording}
    assert await scene.said(text) == ["list 1 of mailbox 1001: recording another recording removed"]
    assert (await scene.standing()).lists[0].recording is None


async def test_a_list_s_recording_that_is_none_is_refused_at_its_line(scene: Scene) -> None:
    why = await scene.refused(COMPANY + ANNA + BERT + LIST + "recording = 'none.wav'")
    assert "distribution_list[0].recording: 'none.wav' cannot be read: No such file" in why
    (scene.folder / "none.wav").write_bytes(b"RIFF" + bytes(40))
    why = await scene.refused(COMPANY + ANNA + BERT + LIST + "recording = 'none.wav'")
    assert "distribution_list[0].recording: " in why


async def test_a_shared_list_s_number_is_the_company_s(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA + BERT + LIST + "shared = true")
    other = LIST.replace('owner = "1001"', 'owner = "1002"') + "shared = true"
    assert "distribution_list[0].number: list 1 is taken already" in await scene.refused(COMPANY + ANNA + BERT + other)


async def test_a_failure_in_the_middle_undoes_everything(scene: Scene) -> None:
    await scene.apply(COMPANY.replace("Beispiel GmbH", "Other Ltd") + BERT + "device_password = 'phone-1002'")
    await scene.refused(COMPANY + ANNA + f"pin = '{PIN}'\n" + BERT + "device_password = 'phone-1002'")
    async with scene.db.read() as connection:
        assert [company.name for company in await mailboxes.companies(connection)] == ["Other Ltd"]


async def test_many_mailboxes_take_no_more_statements_each_than_few(scene: Scene) -> None:
    """So that thousands stay far below what a unit of work may take."""
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    async def cost(company: str, first: int, mailboxes: int) -> int:
        nonlocal statements
        before = statements
        boxes = "".join(
            f"[[mailbox]]\nnumber = '{number}'\nname='A'\nphone = '0211 55{number}'\n"
            f"device_password = 'phone-{number}'\n"
            for number in range(first, first + mailboxes)
        )
        applied = await scene.apply(COMPANY.replace("Beispiel GmbH", company) + boxes)
        assert len(applied.changes) == 1 + 2 * mailboxes
        return statements - before

    event.listen(Engine, "before_cursor_execute", count)
    try:
        ten, sixty = await cost("Ten", 1000, 10), await cost("Sixty", 2000, 60)
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert sixty - ten <= 50 * 6


TEAM = """
[[mailbox]]
number = "2000"
name = "Verkauf"
team = true
members = [{members}]
"""


async def test_a_team_gets_its_members_and_loses_them(scene: Scene) -> None:
    def with_team(members: str) -> str:
        return COMPANY + ANNA + BERT + TEAM.format(members=members)

    async def teams_of(number: str) -> list[str]:
        return [each.number for each in await Teams(scene.db).of(await scene.mailbox(number))]

    await scene.apply(with_team("'1001', '1002', '1001'"))
    assert (await scene.mailbox("2000")).team
    assert await teams_of("1001") == await teams_of("1002") == ["2000"]
    assert await scene.said(with_team("'1001', '1002'")) == []
    changes = (await scene.apply(with_team("'1002'"))).changes
    assert [(each.subject, each.field, each.before, each.after) for each in changes] == [
        ("mailbox 2000", "members", "1001, 1002", "1002")
    ]
    assert (await teams_of("1001"), await teams_of("1002")) == ([], ["2000"])
    await scene.apply(with_team(""))
    assert await teams_of("1002") == []


async def test_members_that_are_left_out_stay_and_a_team_that_is_none_any_more_is_closed(scene: Scene) -> None:
    both = COMPANY + ANNA + BERT
    await scene.apply(both + TEAM.format(members="'1002'"))
    await scene.apply(both + "[[mailbox]]\nnumber = '2000'\nname = 'Verkauf'\n")
    bert = await scene.mailbox("1002")
    assert [each.number for each in await Teams(scene.db).of(bert)] == ["2000"]
    await scene.apply(both + "[[mailbox]]\nnumber = '2000'\nname = 'Verkauf'\nteam = false\n")
    assert await Teams(scene.db).of(bert) == []


async def test_the_right_to_send_to_everyone_is_a_switch(scene: Scene) -> None:
    await scene.apply(COMPANY + ANNA + "everyone = true\n")
    assert (await scene.mailbox()).everyone
    await scene.apply(COMPANY + ANNA)
    assert (await scene.mailbox()).everyone
