"""What keeps voicebox from starting is named; what it prints when it starts can be relied on."""

import json
import signal
import socket

import pytest

from tests.system.conftest import MakeService
from tests.system.wire import Wire

pytestmark = pytest.mark.system


def test_a_second_process_is_told_what_is_in_its_way(make_service: MakeService) -> None:
    service = make_service().start()
    assert service.process is not None
    other = make_service(listen=f'"udp:{service.udp}"')
    refused = other.voicebox("serve", check=False)
    assert refused.returncode == 5
    assert service.udp in refused.stderr
    assert str(service.process.pid) in refused.stderr
    assert "Traceback" not in refused.stderr

    same_data = service.voicebox("serve", check=False)
    assert same_data.returncode == 5
    assert "var/spool" in same_data.stderr
    assert "Traceback" not in same_data.stderr
    with Wire(service.udp) as wire:
        assert wire.alive()


def test_a_taken_web_port_is_named(make_service: MakeService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        service = make_service()
        file = service.folder / "voicebox.toml"
        file.write_text(file.read_text().replace('listen = "127.0.0.1:0"', f'listen = "{place}"'))
        refused = service.voicebox("serve", check=False)
    assert refused.returncode == 5
    assert place in refused.stderr
    assert refused.stdout == ""


def test_an_unknown_key_is_named_with_its_line(make_service: MakeService) -> None:
    service = make_service()
    file = service.folder / "voicebox.toml"
    lines = file.read_text().replace("data_dir", 'colour = "blue"\ndata_dir').splitlines()
    file.write_text("\n".join(lines).replace("portal =", "portla ="))
    refused = service.voicebox("serve", check=False)
    assert refused.returncode == 4
    for key in ("colour", "sip.portla"):
        number = next(
            index
            for index, line in enumerate(lines, 1)
            if line.replace("portal", "portla").startswith(key.removeprefix("sip."))
        )
        assert f"line {number}: {key}" in refused.stderr
    assert refused.stdout == ""


def test_the_ready_line_is_all_there_is_on_standard_output(make_service: MakeService) -> None:
    service = make_service().start()
    assert service.process is not None
    assert service.process.stdout is not None
    stdout = service.process.stdout
    service.process.send_signal(signal.SIGTERM)
    assert stdout.read() == ""
    assert service.stop() == 0
    for line in service.log().splitlines():
        assert json.loads(line)["level"] in {"debug", "info", "warning", "error"}
