"""Addresses that fit neither each other nor the world: the commonest reason for a first call without sound."""

from voicebox.addresses import SettingError, parse_ip
from voicebox.config import Config


def unreachable(settings: Config) -> list[tuple[str, str]]:
    """Return what others cannot reach, each with its cure; nothing of it keeps `serve` from running."""
    found = []
    hosts = [address.host for address in settings.sip.addresses]
    abroad = [host for host in hosts if not _is_this_machine(host)]
    media = settings.rtp.advertised
    if abroad and media.is_loopback:
        found.append(
            (
                f"SIP listens on {abroad[0]}, but audio is asked for at {media}, which only this machine reaches",
                "Set rtp.address (behind NAT rtp.external) to the address that phones and the PBX reach.",
            )
        )
    far = [peer for peer in settings.sip.peer if not peer.address.network.is_loopback]
    if far and not abroad:
        found.append(
            (
                f"peer {far[0].name!r} is at {far[0].address}, but nobody else reaches what sip.listen names",
                'Add one that the peer reaches, such as "udp:0.0.0.0:5060".',
            )
        )
    return found


def _is_this_machine(host: str) -> bool:
    try:
        return parse_ip(host).is_loopback
    except SettingError:
        return False
