"""`[rtp]`: where audio comes in and goes out."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from voicebox.addresses import PORT_MAX, IPAddress, SettingError, parse_ip
from voicebox.settings.section import IP, Section

MediaPort = Annotated[int, Field(ge=1024, le=PORT_MAX)]


class Rtp(Section):
    """Where audio comes in and goes out."""

    address: IP = Field(default_factory=lambda: parse_ip("127.0.0.1"))
    external: IP | None = None
    """For SDP; None is `address`."""
    ports: tuple[MediaPort, MediaPort] = (16384, 32767)
    """First and last, both included."""

    @field_validator("ports")
    @classmethod
    def _range(cls, value: tuple[int, int]) -> tuple[int, int]:
        first, last = value
        if first + first % 2 + 1 > last:
            raise SettingError(
                f"{first} to {last} holds no even port followed by its odd one (RTP and RTCP)",
                "Write the lower port first, such as [16384, 32767]; each call takes two.",
            )
        return value

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.address.is_unspecified and self.external is None:
            raise SettingError(
                f"is missing, and phones cannot send audio to {self.address}",
                "Write the address that phones reach, or set rtp.address to it.",
                at=("external",),
            )
        return self

    @property
    def advertised(self) -> IPAddress:
        """The address that SDP names."""
        return self.external or self.address

    @property
    def calls_max(self) -> int:
        """How many calls the ports bear, each with an even port for RTP and the next for RTCP."""
        first, last = self.ports
        return (last + 1 - first - first % 2) // 2
