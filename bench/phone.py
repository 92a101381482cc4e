"""Phones that register and watch their message light, all on one socket."""

from functools import partial

from bench import signalling, stamped
from bench.caller import HOST, SIP_BUFFER_BYTES
from bench.generator import Generator
from bench.service import REALM, device_password
from bench.signalling import Account, Address

REGISTERED_S = 20.0
"""Within which all of them are registered and watch."""
PER_S = 20


class Phones:
    """Registers a phone for each mailbox, subscribes it to its light, and keeps what it is told."""

    def __init__(self, generator: Generator, server: Address, numbers: list[str]) -> None:
        self.told: dict[str, list[tuple[int, int]]] = {number: [] for number in numbers}
        """Per mailbox, each NOTIFY: when it came (ns, CLOCK_REALTIME) and how many new messages it told of."""
        self._generator = generator
        self._server = server
        self._socket = stamped.bound(HOST, buffer_bytes=SIP_BUFFER_BYTES)
        here: Address = self._socket.getsockname()
        self._accounts = {number: Account(number, device_password(number), REALM, server, here) for number in numbers}
        self._done: set[str] = set()
        generator.signals.append(self)

    def watch(self) -> None:
        """Register and subscribe all of them; returns when each light has been told for the first time."""
        self._generator.spread(PER_S, [partial(self._ask, number, "REGISTER", 1) for number in self._accounts])
        self._generator.run_until(
            lambda: len(self._done) == len(self._accounts) and all(self.told.values()),
            REGISTERED_S,
            "all phones' lights",
        )

    def _ask(self, number: str, method: str, cseq: int, challenge: tuple[str, str] | None = None) -> None:
        self._socket.sendto(self._accounts[number].request(method, cseq, challenge), self._server)

    def read(self) -> None:
        """Take what came."""
        for message, at_ns in stamped.waiting(self._socket):
            status = signalling.status_of(message)
            if not status:
                self._socket.sendto(signalling.ok_to(message), self._server)
                if (told := signalling.notified(message)) is not None and told[0] in self.told:
                    self.told[told[0]].append((at_ns, told[1]))
                continue
            method, _, number = signalling.call_id_of(message).partition(".")
            if status == 401 and (challenge := signalling.challenge_of(message)) is not None:
                self._ask(number, method, signalling.cseq_of(message) + 1, challenge)
            elif status == 200 and method == "REGISTER":
                self._ask(number, "SUBSCRIBE", 1)
            elif status == 200 and method == "SUBSCRIBE":
                self._done.add(number)
            elif status >= 300:
                raise RuntimeError(f"{method} of phone {number} was answered {status}")

    def close(self) -> None:
        """Free the socket."""
        self._generator.signals.remove(self)
        self._socket.close()


def told_after(told: list[tuple[int, int]], at_ns: int) -> int | None:
    """Return when the first NOTIFY after a moment came, None if there was none."""
    return next((stamp for stamp, _ in told if stamp >= at_ns), None)
