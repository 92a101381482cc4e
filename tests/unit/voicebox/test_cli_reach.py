"""Addresses that nobody else reaches are told before the first call has no sound."""

from pathlib import Path

import pytest

from tests.fakes.installation import Installation
from voicebox.cli.reach import unreachable
from voicebox.config import read_config


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", []),
        ('[sip]\nlisten = ["udp:0.0.0.0:5060"]\n', ["audio is asked for at 127.0.0.1"]),
        ('[sip]\nlisten = ["udp:127.0.0.1:5060", "udp:[::]:5060"]\n', ["SIP listens on ::"]),
        ('[sip]\nlisten = ["udp:0.0.0.0:5060"]\n[rtp]\naddress = "10.0.0.2"\n', []),
        ('[sip]\nlisten = ["udp:0.0.0.0:5060"]\n[rtp]\nexternal = "203.0.113.7"\n', []),
        ('[[sip.peer]]\nname = "pbx"\naddress = "10.0.0.1"\n', ["peer 'pbx' is at 10.0.0.1"]),
        ('[[sip.peer]]\nname = "pbx"\naddress = "127.0.0.1"\n', []),
    ],
)
def test_what_others_cannot_reach(text: str, says: list[str], tmp_path: Path) -> None:
    file = tmp_path / "voicebox.toml"
    file.write_text(text, encoding="utf-8")
    found = unreachable(read_config(file, {}))
    assert len(found) == len(says)
    assert all(word in what and cure for (what, cure), word in zip(found, says, strict=True))


def test_config_check_and_doctor_tell_it(installation: Installation) -> None:
    installation.config.write_text('data_dir = "var"\n[sip]\nlisten = ["udp:0.0.0.0:0"]\n', encoding="utf-8")
    done = installation.run("config", "check")
    assert "warning: SIP listens on 0.0.0.0, but audio" in done.stderr
    assert "Set rtp.address" in done.stderr
    checks = installation.json("doctor", expect=1)["checks"]
    assert [each["grade"] for each in checks if each["name"] == "addresses"] == ["warning"]
