"""Row 13: e-mail only. A message is with us until the mail server has taken it, whatever happens meanwhile."""

import io
from pathlib import Path

import pytest
import soundfile

from tests.system.audio import raw, speech
from tests.system.caller import SAID_S, Caller
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.lights import Pbx
from tests.system.service import COMPANY, Service, device_password, eventually, moment
from tests.system.subscriber import at_own_phone
from voicebox.codec import Codec

pytestmark = pytest.mark.system

ANNA = "anna@example.org"


def directory(more: str) -> str:
    """Return a directory file of one mailbox."""
    return f"""{COMPANY}
[[mailbox]]
number = "1001"
name = "Anna Beispiel"
device_password = "{device_password("1001")}"
device_md5_only = true
auto_login = true
{more}
"""


def apply(service: Service, more: str) -> None:
    """Change the mailbox beside the running service, as an administrator does."""
    (service.folder / "directory.toml").write_text(directory(more))
    service.apply()


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """What every caller says."""
    return raw(speech(10), Codec.PCMU, tmp_path / "said.raw")[0]


def leave(service: Service, folder: Path, said: Path, *, count: int = 1) -> str:
    """Leave a message; return its id."""
    Caller(service.udp, folder, number="1001").invite().speak(said).keys("#").pause(SAID_S).bye().run()
    return str(service.message("1001", count=count)["id"])


def state(service: Service, message_id: str) -> tuple[str, str | None]:
    """Return where a message is, and its warning."""
    (row,) = service.rows("SELECT state, warning FROM message WHERE id = ?", message_id)
    return row["state"], row["warning"]


def mail_of(service: Service, message_id: str) -> dict[str, object]:
    """Return the outbox row of a message's only mail."""
    (row,) = service.rows("SELECT * FROM outbox WHERE message_id = ?", message_id)
    return dict(row)


def test_row_13_with_the_mail_server_down_a_message_waits_over_a_crash_and_arrives_once(
    make_service: MakeService, own_letters: Letterbox, said: Path, tmp_path: Path
) -> None:
    service = make_service(directory=directory(f'redirect_email = "{ANNA}"')).start()
    own_letters.close()
    message_id = leave(service, tmp_path, said)
    eventually(lambda: mail_of(service, message_id)["last_error"], "a first attempt")
    assert state(service, message_id) == ("pending", None)
    service.kill()
    assert state(service, message_id) == ("pending", None)
    service.start()
    own_letters.open()
    # At once, unless its pause was over before we asked.
    service.voicebox("queue", "retry", str(mail_of(service, message_id)["id"]), check=False)
    mail = own_letters.wait_for(ANNA)
    (sound,) = mail.iter_attachments()
    samples, rate_hz = soundfile.read(io.BytesIO(sound.get_content()))
    (row,) = service.messages("1001")
    assert len(samples) / rate_hz == pytest.approx(row["samples"] / row["rate_hz"], abs=0.15)
    eventually(lambda: state(service, message_id) == ("deleted", None) or None, "the 250")
    assert service.rows("SELECT 1 FROM outbox WHERE kind = 'mwi'") == [], "no light was ever due"
    assert service.stop() == 0
    assert len(own_letters.to(ANNA)) == 1


def test_row_13_what_is_refused_for_good_lights_the_lamp_and_says_so_by_phone(
    make_service: MakeService, own_letters: Letterbox, said: Path, tmp_path: Path, free_udp_port: int
) -> None:
    own_letters.refusal = "550 5.1.1 no such user"
    with Pbx(tmp_path, free_udp_port) as pbx:
        service = make_service(directory=directory(f'redirect_email = "{ANNA}"'), peer=pbx.peer).start()
        message_id = leave(service, tmp_path, said)
        pbx.wait_for("1001", ("yes", "1/0"))
        assert state(service, message_id) == ("new", "mail-refused")
        at_own_phone(service, tmp_path, "1001").keys("11").pause(5).keys("#").pause(3).bye().run()
        call = service.call("8000")
        assert moment(call, "prompt", id="message-not-mailed")
        pbx.wait_for("1001", ("no", "0/1"))
        assert own_letters.to(ANNA) == []
        # The address is mended: the next one goes by mail, and shows nothing.
        own_letters.refusal = ""
        later = leave(service, tmp_path, said, count=2)
        own_letters.wait_for(ANNA)
        eventually(lambda: state(service, later)[0] == "deleted" or None, "the 250")
        assert pbx.told("1001")[-1] == ("no", "0/1")


def test_row_13_switching_back_brings_what_waits_into_the_mailbox_and_row_14_the_light_follows(
    make_service: MakeService, own_letters: Letterbox, said: Path, tmp_path: Path, free_udp_port: int
) -> None:
    with Pbx(tmp_path, free_udp_port) as pbx:
        service = make_service(directory=directory(f'redirect_email = "{ANNA}"'), peer=pbx.peer).start()
        own_letters.close()
        message_id = leave(service, tmp_path, said)
        apply(service, "")
        pbx.wait_for("1001", ("yes", "1/0"))
        assert state(service, message_id) == ("new", None)
        # A restart tells the whole state again (security.md, row 21).
        before = len(pbx.told("1001"))
        assert service.stop() == 0
        service.start()
        eventually(lambda: len(pbx.told("1001")) > before or None, "the light after the restart")
        assert pbx.told("1001")[-1] == ("yes", "1/0")
        # Row 14: switching the mode, or the flag, off clears the light at once; on again lights it.
        dark, lit = ("no", "0/0"), ("yes", "1/0")
        for settings, shown in ((f'redirect_email = "{ANNA}"', dark), ("", lit), ("mwi = false", dark)):
            apply(service, settings)
            pbx.wait_for("1001", shown)
        own_letters.open()
        assert service.rows("SELECT 1 FROM outbox WHERE done_at IS NULL AND kind LIKE 'mail%'") == []
    assert own_letters.to(ANNA) == []
