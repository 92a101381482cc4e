"""`[sip]`: where SIP is spoken and with whom."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from voicebox.addresses import IPAddress, ListenAddress, PeerAddress, SettingError, parse_listen
from voicebox.arrival import MailboxOf
from voicebox.settings.section import Address, FilePath, HostName, Section

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
"""Names of peers and trunks end up in logs, metrics and call records: keep them to one plain word."""


def _sip_uri(text: str) -> str:
    """Refuse what is not a SIP address; ivr.sip.uri parses it for real."""
    scheme, _, rest = text.partition(":")
    if scheme.lower() not in {"sip", "sips"} or not rest or any(c.isspace() for c in text):
        raise SettingError(f"{text!r} is not a SIP address", 'Write it as "sip:host" or "sip:user@host:5060".')
    return text


SipUri = Annotated[str, AfterValidator(_sip_uri)]


def _listen_address(text: str) -> str:
    """Refuse what is no listen address; each entry by itself, so that every wrong one is named."""
    parse_listen(text)
    return text


ListenText = Annotated[str, AfterValidator(_listen_address)]


class Identity(StrEnum):
    """Where a trusted peer names the caller (RFC 3325, draft-ietf-sip-privacy-04, RFC 3261)."""

    PAI = "pai"
    RPID = "rpid"
    FROM = "from"


class Mwi(StrEnum):
    """How a peer wants the message light (RFC 3842)."""

    NONE = "none"
    UNSOLICITED = "unsolicited"


class Keepalive(StrEnum):
    """What we send while we only record: a packet now and then for firewalls, or a steady stream of silence."""

    SPARSE = "sparse"
    CONTINUOUS = "continuous"


class CallSource(Section):
    """What holds for whoever sends us calls, a peer or a trunk."""

    name: Annotated[str, Field(pattern=NAME)]
    company: str | None = None
    """The company's name; None is the only one."""
    identity: Identity = Identity.PAI
    verified_caller_id: bool = False
    """Rule 3: this side vouches for the caller's number, so automatic login may rest on it."""
    mailbox_of: MailboxOf = MailboxOf.LAST
    mwi: Mwi = Mwi.NONE
    mwi_uri: str | None = None
    """Template with `{number}`; set whenever `mwi` is unsolicited."""
    refer: bool = False
    rtp_keepalive: Keepalive = Keepalive.SPARSE
    max_calls: Annotated[int, Field(ge=0)] = 0
    """0 is no limit of its own."""

    @field_validator("mwi_uri")
    @classmethod
    def _has_number(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if "{number}" not in value:
            raise SettingError(f"{value!r} has no place for the mailbox's number", 'Write "sip:{number}@host".')
        _sip_uri(value)
        return value

    @model_validator(mode="after")
    def _light_has_a_target(self) -> Self:
        if self.mwi is Mwi.UNSOLICITED and self.mwi_uri is None:
            raise SettingError(
                'is missing, and mwi = "unsolicited" needs it',
                'Write where the light is sent, such as mwi_uri = "sip:{number}@10.0.0.1".',
                at=("mwi_uri",),
            )
        return self

    def mwi_target(self, number: str) -> str | None:
        """Return the SIP address that gets the message light of mailbox `number`; None without a light."""
        if self.mwi is Mwi.NONE or self.mwi_uri is None:
            return None
        return self.mwi_uri.replace("{number}", number)


class Peer(CallSource):
    """A PBX or trunk that may send calls without registering."""

    address: Address


class Trunk(CallSource):
    """A registrar at which we register (RFC 3261 section 10)."""

    registrar: SipUri
    username: Annotated[str, Field(min_length=1)]
    password: SecretStr
    proxy: SipUri | None = None
    expires_s: Annotated[int, Field(ge=60, le=86400)] = 3600
    """The lifetime asked for; the registrar may grant less."""


class Sip(Section):
    """Where SIP is spoken, and with whom."""

    listen: tuple[ListenText, ...] = ("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060")
    certificate: FilePath | None = None
    """For TLS, which a later version speaks; so is `key`."""
    key: FilePath | None = None
    domain: HostName = "voicebox.internal"
    """The realm for digest; changing it invalidates stored digests."""
    portal: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{1,20}$")], ...] = ("8000",)
    external: HostName | None = None
    """For Contact and Via when bound to a wildcard; None is the bound address."""
    peer: tuple[Peer, ...] = ()
    trunk: tuple[Trunk, ...] = ()

    @field_validator("listen")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise SettingError(
                "is empty, so nobody could call", 'Write at least one address, such as ["udp:0.0.0.0:5060"].'
            )
        seen: set[ListenAddress] = set()
        for index, text in enumerate(value):
            address = parse_listen(text)
            if address.port and address in seen:
                raise SettingError(f"{text!r} is there twice", "Remove one of the two.", at=(index,))
            seen.add(address)
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names: set[str] = set()
        for table, sources in (("peer", self.peer), ("trunk", self.trunk)):
            for index, source in enumerate(sources):
                if source.name in names:
                    raise SettingError(
                        f"{source.name!r} is taken by another peer or trunk",
                        "Give each a name of its own.",
                        at=(table, index, "name"),
                    )
                names.add(source.name)
        addresses: dict[PeerAddress, str] = {}
        for index, peer in enumerate(self.peer):
            if peer.address in addresses:
                raise SettingError(
                    f"{peer.address} already belongs to peer {addresses[peer.address]!r}",
                    "Give each peer addresses of its own; a more exact one wins over a network.",
                    at=("peer", index, "address"),
                )
            addresses[peer.address] = peer.name
        return self

    @property
    def addresses(self) -> tuple[ListenAddress, ...]:
        """The listen addresses, taken apart."""
        return tuple(parse_listen(text) for text in self.listen)

    def peer_at(self, ip: IPAddress, port: int) -> Peer | None:
        """Return the peer that sends from `ip` and `port`; the most exact entry wins, one with a port first."""
        fitting = [peer for peer in self.peer if peer.address.contains(ip, port)]
        return max(fitting, key=lambda peer: peer.address.exactness, default=None)
