"""Distribution lists and sendings by the API: whose they are, and who may see them."""

from tests.unit.webmanager.office import Office
from voicebox.distribution import Audience, Dispatch, Distribution
from voicebox.message import MessageKind
from voicebox.storage import lists


async def a_list(office: Office, *, number: int, shared: bool) -> None:
    """Make a list of Ben's that Anna is on."""
    members = [office.anna.id, office.ben.id]
    await office.db.write(
        lambda connection: lists.add(
            connection, office.ben, number=number, description=f"Liste {number}", shared=shared, members=members
        )
    )


async def test_row_19_shared_lists_are_told_to_everybody_and_their_members_to_their_owner(office: Office) -> None:
    await a_list(office, number=2, shared=True)
    await a_list(office, number=3, shared=False)
    shown = {"number": 2, "description": "Liste 2", "shared": True, "owner": "1002", "count": 2}
    anna = await office.browser.ask("/api/v1/mailboxes/1001/lists", await office.owner())
    assert anna.json == {"lists": [shown | {"members": None}]}
    ben = await office.browser.ask("/api/v1/mailboxes/1002/lists", await office.owner(office.ben))
    assert [(each["number"], each["members"]) for each in ben.json["lists"]] == [
        (2, ["1001", "1002"]),
        (3, ["1001", "1002"]),
    ]
    foreign = await office.browser.ask("/api/v1/mailboxes/1001/lists", await office.admin(office.other))
    assert foreign.json == {"lists": []}


async def test_row_20_the_sender_sees_a_result_for_each_recipient(office: Office) -> None:
    message = await office.message()
    sent = await Distribution(office.db, office.parts.events, office.clock).send(
        Dispatch(MessageKind.FORWARD, office.anna, Audience(people=(office.ben,)), None, message)
    )
    token = await office.owner()
    answer = await office.browser.ask("/api/v1/mailboxes/1001/sendings", token)
    assert answer.json == {
        "sendings": [
            {
                "id": sent.id,
                "kind": "forward",
                "sent": "2026-11-22T09:30:00Z",
                "results": [{"number": "1002", "outcome": "sent", "message": sent.results[0].message_id}],
            }
        ]
    }
    assert (await office.browser.ask("/api/v1/mailboxes/1002/sendings", token)).status == 403
    assert (await office.browser.ask("/api/v1/mailboxes/1002/lists", token)).status == 403
