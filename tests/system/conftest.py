"""Running voiceboxes for the tests, and a mail server that keeps what arrives.

A module shares one service, its tests use mailboxes of their own; tests that stop, kill or starve a service make
one with `make_service`.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_port, place
from tests.system.cluster import Cluster
from tests.system.letterbox import Letterbox
from tests.system.service import Service

MakeService = Callable[..., Service]

SECOND_PEER = """
[[sip.peer]]
name = "trunk"
address = "127.0.0.3"
mailbox_of = "first"
verified_caller_id = true
"""


@pytest.fixture(scope="module")
def letters() -> Iterator[Letterbox]:
    """A mail server that takes everything, and what it took."""
    with Letterbox() as box:
        yield box


@pytest.fixture
def own_letters() -> Iterator[Letterbox]:
    """The mail server of the services that only this test uses."""
    with Letterbox() as box:
        yield box


@pytest.fixture(scope="session")
def rtp_ports() -> tuple[int, int]:
    """A range of RTP ports that no other test process uses."""
    worker, count = place()
    size = min(2000, 8000 // count) // 2 * 2
    first = 20000 + size * worker
    return first, first + size - 1


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[Service]:
    """A voicebox with the example company, listening; shared by the module."""
    made = Service(
        tmp_path_factory.mktemp("service"), smtp_port=letters.port, rtp_ports=rtp_ports, cache=cache, more=SECOND_PEER
    )
    made.apply().start()
    yield made
    assert made.stop() == 0, made.log()[-3000:]


@pytest.fixture
def make_service(
    tmp_path: Path, own_letters: Letterbox, rtp_ports: tuple[int, int], cache: Path
) -> Iterator[MakeService]:
    """Makes services that only this test uses; options as of `Service`. They are not started yet."""
    made: list[Service] = []

    def make(**options: object) -> Service:
        folder = tmp_path / f"service-{len(made)}"
        folder.mkdir()
        defaults = {"smtp_port": own_letters.port, "rtp_ports": rtp_ports, "cache": cache}
        service = Service(folder, **{**defaults, **options})  # type: ignore[arg-type] # options are Service's own
        made.append(service)
        return service.apply()

    yield make
    for service in made:
        service.kill()


@pytest.fixture
def database(postgres_cluster: str) -> Cluster:
    """A fresh PostgreSQL database without a schema."""
    return Cluster.fresh(postgres_cluster)


@pytest.fixture
def free_udp_port() -> int:
    """A UDP port that nobody uses now."""
    return free_port("127.0.0.1")


@pytest.fixture(scope="module", autouse=True)
def early(request: pytest.FixtureRequest) -> None:
    """Begin fixtures that take long before the other tests of a module, those of its `EARLY` that are wanted.

    What fails of one fails the tests that want it: pytest keeps it until then.
    """
    here = (each for each in request.session.items if each.path == request.path)
    wanted = {name for each in here for name in getattr(each, "fixturenames", ())}
    for name in wanted.intersection(getattr(request.module, "EARLY", ())):
        with contextlib.suppress(Exception):
            request.getfixturevalue(name)
