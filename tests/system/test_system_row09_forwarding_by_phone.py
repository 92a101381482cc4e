"""Row 9 with real phones: forwarding is set, switched on and off by phone, where the outbound policy allows it."""

from pathlib import Path

import pytest

from tests.system.service import Service
from tests.system.subscriber import prompts, record_of, subscriber

pytestmark = pytest.mark.system


def forwarding(service: Service, number: str) -> tuple[str | None, str | None]:
    """Return where calls go at once, and where they would go."""
    (row,) = service.rows("SELECT forward_always, forward_to FROM mailbox WHERE number = ?", number)
    return row["forward_always"], row["forward_to"]


def test_row_9_forwarding_is_set_and_switched_by_phone(service: Service, tmp_path: Path) -> None:
    def visit(keys: str, number: int, *, then: str = "") -> list[str]:
        from_number = f"+491515557160{number}"
        caller = subscriber(service, tmp_path, "1016", from_number=from_number).keys(keys).pause(0.5)
        (caller.keys(then).pause(0.5) if then else caller).pause(1).bye().run()
        return prompts(record_of(service, from_number))

    assert "forwarding-none" in visit("41", 1)
    assert forwarding(service, "1016") == (None, None)
    # The number of a colleague in any spelling; then on, and off.
    assert "forwarding-on" in visit("4302115551017#", 2, then="1")
    assert forwarding(service, "1016") == ("1017", "1017")
    assert "forwarding-off" in visit("42", 3)
    assert forwarding(service, "1016") == (None, "1017")
    # Security row 3: what the outbound policy does not allow is no destination.
    assert "forwarding-not-allowed" in visit("4309001234567#", 4)
    assert forwarding(service, "1016") == (None, "1017")
