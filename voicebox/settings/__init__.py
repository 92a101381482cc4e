"""The values of `voicebox.toml`, section by section (interfaces.md, "Configuration"; docs/configuration.md).

Frozen models, checked and ready for use: addresses are `ipaddress` objects, paths absolute, secrets hidden from `repr`.
`voicebox.config` reads them from the file and the environment. Two rules hold for every key: an empty string where a
value may be absent means absent, and a key that nobody knows is refused.
"""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from voicebox.addresses import SettingError
from voicebox.settings.log import Log, LogFormat, LogLevel
from voicebox.settings.outbound import Outbound
from voicebox.settings.retention import Retention
from voicebox.settings.rtp import Rtp
from voicebox.settings.section import FilePath, Section
from voicebox.settings.sip import CallSource, Identity, Keepalive, Mwi, Peer, Sip, Trunk
from voicebox.settings.smtp import Smtp, SmtpSecurity
from voicebox.settings.stores import Audio, Database
from voicebox.settings.web import Web

__all__ = [
    "Audio",
    "CallSource",
    "Config",
    "Database",
    "Identity",
    "Keepalive",
    "Log",
    "LogFormat",
    "LogLevel",
    "Mwi",
    "Outbound",
    "Peer",
    "Retention",
    "Rtp",
    "Section",
    "Sip",
    "Smtp",
    "SmtpSecurity",
    "Trunk",
    "Web",
]


def _data_dir(info: ValidationInfo) -> Path:
    """Return the data folder; where it was refused, any will do, for that error is reported anyway."""
    found: Path = info.data.get("data_dir", Path.cwd())
    return found


class Config(Section):
    """The whole configuration of one installation."""

    data_dir: FilePath = Path("var")
    sip: Sip = Sip()
    outbound: Outbound = Outbound()
    rtp: Rtp = Rtp()
    web: Web = Web()
    smtp: Smtp = Smtp()
    database: Database = Field(default_factory=dict, validate_default=True)
    audio: Audio = Field(default_factory=dict, validate_default=True)
    retention: Retention = Retention()
    log: Log = Log()

    @field_validator("database", mode="before")
    @classmethod
    def _database_beside_data(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, dict) and not value.get("url"):
            return {**value, "url": f"sqlite+aiosqlite:///{_data_dir(info) / 'voicebox.db'}"}
        return value

    @field_validator("audio", mode="before")
    @classmethod
    def _audio_beside_data(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, dict) and not value.get("url"):
            return {**value, "url": (_data_dir(info) / "audio").as_uri()}
        return value

    @field_validator("outbound")
    @classmethod
    def _extensions_of_a_peer(cls, value: Outbound, info: ValidationInfo) -> Outbound:
        sip = info.data.get("sip")
        if value.extensions is not None or not isinstance(sip, Sip):
            return value
        return value.model_copy(update={"extensions": any(peer.name == value.peer for peer in sip.peer)})

    @model_validator(mode="after")
    def _outbound_exists(self) -> Self:
        name = self.outbound.peer
        if name is not None and self.source(name) is None:
            known = [source.name for source in self.sources]
            raise SettingError(
                f"{name!r} is neither a peer nor a trunk",
                f"Write one of {', '.join(known)}." if known else "Add it as [[sip.peer]] or [[sip.trunk]].",
                at=("outbound", "peer"),
            )
        source = None if name is None else self.source(name)
        if isinstance(source, Peer) and source.address.host is None:
            raise SettingError(
                f"{name!r} is a network, and calls need one address to go to",
                "Write another [[sip.peer]] with the address of the exchange, and name that one.",
                at=("outbound", "peer"),
            )
        return self

    @property
    def sources(self) -> tuple[Peer | Trunk, ...]:
        """Everyone who may send us calls without being a registered phone."""
        return (*self.sip.peer, *self.sip.trunk)

    def source(self, name: str) -> Peer | Trunk | None:
        """Return the peer or trunk called `name`."""
        return next((source for source in self.sources if source.name == name), None)

    @property
    def spool_dir(self) -> Path:
        """The folder of the recordings that are not yet settled; on the same disk as the data."""
        return self.data_dir / "spool"
