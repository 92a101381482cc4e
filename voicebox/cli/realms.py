"""Phones whose stored digests are of another realm than `sip.domain`: none of them can register any more."""

from voicebox.config import Config
from voicebox.storage import mailboxes, provisioned
from voicebox.storage.database import Database


async def devices_of_other_realms(db: Database, settings: Config) -> tuple[dict[str, int], int]:
    """Return how many phones each foreign realm has, and how many phones there are in all."""
    foreign: dict[str, int] = {}
    total = 0
    async with db.read() as connection:
        for company in await mailboxes.companies(connection):
            for standing in (await provisioned.standing(connection, company.id)).values():
                for device in standing.devices:
                    total += 1
                    if device.realm != settings.sip.domain:
                        foreign[device.realm] = foreign.get(device.realm, 0) + 1
    return foreign, total


def said(foreign: dict[str, int], domain: str) -> tuple[str, str]:
    """Return what is wrong, and the cure."""
    there = ", ".join(f"{count} of {realm!r}" for realm, count in sorted(foreign.items()))
    return (
        f"sip.domain is {domain!r}, but there are phones with passwords for another domain: {there}",
        "Set sip.domain back, or apply the directory again with each phone's device_password.",
    )
