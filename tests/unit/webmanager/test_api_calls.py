"""Calls by the API: the record, the trace, paging, and whose calls a token sees."""

from tests.unit.webmanager.office import Office


async def test_a_call_is_shown_with_trace_and_media_figures(office: Office) -> None:
    call = await office.call()
    answer = await office.browser.ask(f"/api/v1/calls/{call.id}", await office.admin())
    assert answer.status == 200
    assert answer.json == {
        "id": call.id,
        "company": "Beispiel GmbH",
        "mailbox": "1001",
        "from": "+491701234567",
        "to": "1001",
        "reason": "busy",
        "deflected_by": "1001",
        "started": "2026-11-22T09:29:40Z",
        "answered": "2026-11-22T09:29:41Z",
        "ended": "2026-11-22T09:30:00Z",
        "rtp": {"received": 950, "lost": 2, "jitter_ms": 1.5},
        "trace": [
            {"t": 0.001, "event": "decision", "to": "mailbox", "mailbox": "1001"},
            {"t": 0.52, "event": "prompt", "id": "greeting-unavailable"},
        ],
    }


async def test_the_list_is_the_same_without_the_trace_the_last_first(office: Office) -> None:
    early, late = await office.call(ended_s=1), await office.call(ended_s=2)
    token = await office.admin()
    answer = await office.browser.ask("/api/v1/calls", token)
    assert [each["id"] for each in answer.json["calls"]] == [late.id, early.id]
    whole = (await office.browser.ask(f"/api/v1/calls/{early.id}", token)).json
    assert answer.json["calls"][1] == {name: value for name, value in whole.items() if name != "trace"}


async def test_pages_follow_one_another(office: Office) -> None:
    calls = [await office.call(ended_s=n // 2) for n in range(7)]
    token, seen, cursor = await office.admin(), list[str](), ""
    while True:
        answer = await office.browser.ask(f"/api/v1/calls?limit=2{cursor}", token)
        seen += [each["id"] for each in answer.json["calls"]]
        if answer.json["next"] is None:
            break
        cursor = f"&cursor={answer.json['next']}"
    assert seen == [each.id for each in sorted(calls, key=lambda each: (each.ended, each.id), reverse=True)]


async def test_calls_of_one_mailbox_are_found(office: Office) -> None:
    own, _, _ = await office.call(), await office.call(mailbox="1002"), await office.call(mailbox=None)
    answer = await office.browser.ask("/api/v1/calls?mailbox=1001", await office.admin())
    assert [each["id"] for each in answer.json["calls"]] == [own.id]
    wrong = await office.browser.ask("/api/v1/calls?mailbox=x%27", await office.admin())
    assert wrong.json["errors"][0]["code"] == "mailbox-number"


async def test_a_mailbox_token_sees_calls_to_its_mailbox_only(office: Office) -> None:
    own, ben = await office.call(), await office.call(mailbox="1002")
    portal, foreign = await office.call(mailbox=None), await office.call(office.other)
    token = await office.owner()
    answer = await office.browser.ask("/api/v1/calls", token)
    assert [each["id"] for each in answer.json["calls"]] == [own.id]
    assert (await office.browser.ask("/api/v1/calls?mailbox=1001", token)).status == 200
    assert (await office.browser.ask("/api/v1/calls?mailbox=1002", token)).status == 403
    assert (await office.browser.ask(f"/api/v1/calls/{own.id}", token)).status == 200
    for call in (ben, portal, foreign):
        answer = await office.browser.ask(f"/api/v1/calls/{call.id}", token)
        assert (answer.status, answer.json["type"]) == (403, "urn:voicebox:problem:foreign-call")


async def test_a_company_sees_its_own_calls_and_an_operator_all(office: Office) -> None:
    own, foreign = await office.call(), await office.call(office.other)
    admin, operator = await office.admin(), await office.operator()
    assert [each["id"] for each in (await office.browser.ask("/api/v1/calls", admin)).json["calls"]] == [own.id]
    assert (await office.browser.ask(f"/api/v1/calls/{foreign.id}", admin)).status == 403
    every = (await office.browser.ask("/api/v1/calls", operator)).json["calls"]
    assert {(each["id"], each["company"]) for each in every} == {
        (own.id, "Beispiel GmbH"),
        (foreign.id, "Anderswo AG"),
    }
    one = await office.browser.ask("/api/v1/calls?company=Anderswo%20AG", operator)
    assert [each["id"] for each in one.json["calls"]] == [foreign.id]
    assert (await office.browser.ask(f"/api/v1/calls/{foreign.id}", operator)).status == 200
    narrowed = await office.browser.ask(f"/api/v1/calls/{own.id}?company=Anderswo%20AG", operator)
    assert narrowed.status == 403


async def test_an_unknown_call_is_404(office: Office) -> None:
    for key in ("0" * 32, "x", "%00", "0" * 31, "A" * 32):
        answer = await office.browser.ask(f"/api/v1/calls/{key}", await office.admin())
        assert (answer.status, answer.json["type"]) == (404, "urn:voicebox:problem:unknown-call")


async def test_what_somebody_else_did_on_the_call_is_for_the_administrator_only(office: Office) -> None:
    trace = [
        {"t": 0.1, "event": "decision", "to": "mailbox"},
        {"t": 5.0, "event": "login", "mailbox": "1002", "ok": True, "by": "pin"},
        {"t": 9.0, "event": "transfer", "to": "+493012345678", "result": "connected"},
    ]
    call = await office.call(trace=trace)
    path = f"/api/v1/calls/{call.id}"
    assert (await office.browser.ask(path, await office.admin())).json["trace"] == trace
    assert (await office.browser.ask(path, await office.owner())).json["trace"] == trace[:1]
