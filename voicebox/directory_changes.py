"""Applying a directory file, inside its transaction: compare what stands with what is planned, write the difference."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from voicebox.announcement import ALTERNATIVES, CHOSEN, TO_DEFAULT, Choice, Kind
from voicebox.applied import Applied, Change, Value
from voicebox.devices import Ha1
from voicebox.directory_entries import GREETINGS
from voicebox.directory_plan import DirectoryError, DirectoryFile, ListPlan, MailboxPlan, TeamPlan
from voicebox.directory_prepared import Prepared
from voicebox.errors import Conflict
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox
from voicebox.notices import tell_owner
from voicebox.pinhistory import PinHistory
from voicebox.storage import announcements, audio, confirmations, credentials, lists, mailboxes, provisioned, teams
from voicebox.storage.mailboxes import Device
from voicebox.storage.provisioned import Standing
from voicebox.tomllines import KeyPath

_ADDRESSES: Final = ("email", "notify_email", "copy_email", "redirect_email")
_SWITCHES: Final = (
    *("language", "time_zone", "auto_login", "rings", "send_all", "send_busy", "send_no_answer", "enabled"),
    *("mwi", "dnd", "away", "away_recording", "record_notice", "retention_days", "everyone", "team"),
)
_MINUTES: Final = {"message_max_min": "message_max_s", "mailbox_max_min": "quota_s"}


async def find_company(connection: Any, name: str) -> Company | None:
    """Return the company of this name."""
    return next((company for company in await mailboxes.companies(connection) if company.name == name), None)


async def add_company(connection: Any, file: DirectoryFile, now: datetime) -> Company:
    """Write the company that a file is about."""
    return await mailboxes.add_company(connection, now=now, **file.company.model_dump())


class DirectoryUpdate:
    """One run over a file, in the transaction that `connection` is in."""

    def __init__(self, connection: Any, file: DirectoryFile, prepared: Prepared, realm: str, now: datetime) -> None:
        self._connection = connection
        self._file = file
        self._prepared = prepared
        self._realm = realm
        self._now = now
        self._changes: list[Change] = []
        self._written: dict[str, Mailbox] = {}
        """Mailboxes by extension, as this run has left them so far."""

    async def run(self) -> Applied:
        """Write the difference and return it.

        Raises:
            DirectoryError: something is taken already by what the file does not name.
        """
        company = await self._company()
        standing = await provisioned.standing(self._connection, company.id)
        self._check_taken(standing)
        self._written = {extension: each.mailbox for extension, each in standing.items()}
        await self._release(standing)
        for greeting in self._prepared.greetings:
            await audio.add_mastered(
                self._connection, greeting.id, company.id, greeting.audio, blob_key=greeting.key, now=self._now
            )
        for index, plan in enumerate(self._file.mailboxes):
            with self._conflicts(("mailbox", index)):
                await self._mailbox(plan, standing.get(plan.entry.number), company)
        for team in self._file.teams:
            await self._team(team, standing.get(team.number))
        for index, wanted in enumerate(self._file.lists):
            with self._conflicts(("distribution_list", index)):
                await self._list(wanted, standing.get(wanted.entry.owner))
        await self._vouch(company)
        named = {plan.entry.number for plan in self._file.mailboxes}
        return Applied(tuple(self._changes), tuple(sorted(standing.keys() - named)))

    async def _company(self) -> Company:
        subject = f"company {self._file.company.name}"
        before = await find_company(self._connection, self._file.company.name)
        if before is None:
            self._note(subject, "")
            return await add_company(self._connection, self._file, self._now)
        wanted = self._file.company.model_dump()
        diff = self._differences(subject, before, wanted)
        await mailboxes.change_company(self._connection, before.id, diff)
        return replace(before, **diff)

    def _check_taken(self, standing: Mapping[str, Standing]) -> None:
        """Refuse numbers that belong to a mailbox which the file leaves alone."""
        plans = {plan.entry.number: plan for plan in self._file.mailboxes}
        taken: dict[str, str] = {}
        for extension, each in standing.items():
            plan = plans.get(extension)
            if plan is None:
                taken |= dict.fromkeys((extension, *([each.mailbox.phone] if each.mailbox.phone else [])), extension)
            if plan is None or plan.aliases is None:
                taken |= dict.fromkeys((alias.number for alias in each.aliases), extension)
        found = [
            self._file.problem(
                path,
                f"{number} belongs to mailbox {taken[number]} already",
                f"Take it away there first, or write mailbox {taken[number]} into this file without it.",
            )
            for path, number, extension in _claims(self._file)
            if taken.get(number, extension) != extension
        ]
        if found:
            raise DirectoryError(tuple(found))

    async def _vouch(self, company: Company) -> None:
        """Confirm what the file names and its subscribers had named before: an administrator knows these addresses."""
        planned = {
            (self._written[plan.entry.number].id, str(address).casefold()): plan.entry.number
            for plan in self._file.mailboxes
            for key in _ADDRESSES
            if (address := getattr(plan.entry, key)) is not None
        }
        for each in await confirmations.waiting(self._connection, company.id):
            number = planned.get((each.mailbox_id, each.address.casefold()))
            if number is not None:
                await confirmations.confirm(self._connection, [each.id], self._now)
                self._note(f"mailbox {number}", "confirmed", after=each.address)

    async def _release(self, standing: Mapping[str, Standing]) -> None:
        """Take away what the file moves to another mailbox or leaves out, so that the order of mailboxes is free."""
        for plan in self._file.mailboxes:
            each = standing.get(plan.entry.number)
            if each is None:
                continue
            if each.mailbox.phone is not None and each.mailbox.phone != plan.phone:
                await self._write(each.mailbox, {"phone": None})
            for alias in each.aliases:
                if plan.aliases is not None and alias.number not in plan.aliases:
                    await mailboxes.remove_alias(self._connection, each.mailbox, alias.id)
                    self._note(f"mailbox {plan.entry.number}", "alias", before=alias.number)

    async def _mailbox(self, plan: MailboxPlan, standing: Standing | None, company: Company) -> None:
        subject = f"mailbox {plan.entry.number}"
        new = standing is None
        choices = await self._known_choices(standing)
        wanted = self._wanted(plan, standing.mailbox if standing else None, choices)
        if standing is None:
            self._note(subject, "")
            basics = {"language": company.language, "time_zone": company.time_zone, "number": plan.entry.number}
            mailbox = await mailboxes.add_mailbox(
                self._connection, now=self._now, company_id=company.id, **(basics | wanted)
            )
            standing = Standing(mailbox)
            self._written[mailbox.number] = mailbox
        else:
            changed = self._differences(subject, standing.mailbox, wanted, plan)
            mailbox = await self._write(self._written[plan.entry.number], wanted)
            for kind in [kind for kind in TO_DEFAULT if kind.plays_in in changed]:
                await self._tell(mailbox, kind, getattr(plan.entry, str(kind.plays_in)))
                if choices.pop(kind, None) is not None:
                    await announcements.forget(self._connection, mailbox, kind)
        known = {alias.number for alias in standing.aliases}
        for number in plan.aliases or ():
            if number not in known:
                await mailboxes.add_alias(self._connection, mailbox, number, self._now)
                self._note(subject, "alias", after=number)
        await self._alternatives(subject, plan, mailbox, choices, new=new)
        await self._device(subject, plan, mailbox, standing.devices)
        await self._secrets(subject, plan, mailbox, standing)

    async def _known_choices(self, standing: Standing | None) -> dict[Kind, Choice]:
        """Return what a mailbox has for each kind of greeting."""
        if standing is None:
            return {}
        return await announcements.choices(self._connection, standing.mailbox.id)

    async def _alternatives(
        self, subject: str, plan: MailboxPlan, mailbox: Mailbox, known: Mapping[Kind, Choice], *, new: bool
    ) -> None:
        """Write the alternative greetings; what plays of them plays on, or the default where the file leaves it out."""
        listed = plan.entry.alternative_greetings
        if listed is None:
            return
        for number in ALTERNATIVES:
            kind = Kind.alternative(number)
            before = known.get(kind)
            name = listed[number - 1].name if number <= len(listed) else None
            audio_id = self._prepared.greeting_ids.get((plan.entry.number, kind))
            if (name, audio_id) == ((before.name, before.audio_id) if before else (None, None)):
                continue
            plays = before is not None and self._plays(before, plan, mailbox, known.get(Kind.NO_ANSWER))
            if name is None or audio_id is None:
                await announcements.forget(self._connection, mailbox, kind)
            else:
                mailbox = await self._alternative(mailbox, kind, name, audio_id)
            if plays:
                mailbox = await self._write(mailbox, {"no_answer_greeting": audio_id})
            self._note(subject, f"alternative_greetings[{number}]", before.name if before else None, name)
            if not new and name is not None:
                await self._tell(mailbox, kind, name)
            elif plays:
                await self._tell(mailbox, Kind.NO_ANSWER, None)

    def _plays(self, choice: Choice, plan: MailboxPlan, mailbox: Mailbox, separate: Choice | None) -> bool:
        """Tell whether an alternative is what plays, and not a greeting for no answer that has the same audio."""
        by_file = (plan.entry.number, "no_answer_greeting") in self._prepared.greeting_ids
        chosen = separate is not None and separate.audio_id == choice.audio_id
        return choice.audio_id == mailbox.no_answer_greeting is not None and not by_file and not chosen

    async def _alternative(self, mailbox: Mailbox, kind: Kind, name: str, audio_id: str) -> Mailbox:
        """Write one, and have new audio of an announcement play where that was chosen for something else, too."""
        made, replaced = await announcements.put_own(self._connection, mailbox, name, audio_id, self._now)
        await announcements.forget(self._connection, mailbox, kind)  # its caller knows whether it plays as such
        if replaced is not None:
            await announcements.play_instead(self._connection, made.id, replaced, audio_id, self._now)
            mailbox = await mailboxes.by_id(self._connection, mailbox.id) or mailbox
            self._written[mailbox.number] = mailbox
        await announcements.choose(self._connection, mailbox, kind, name, made.id, now=self._now)
        return mailbox

    def _wanted(self, plan: MailboxPlan, before: Mailbox | None, choices: Mapping[Kind, Choice]) -> dict[str, Any]:
        """Return the fields of `Mailbox` that the file decides."""
        entry = plan.entry
        wanted: dict[str, Any] = {"name": entry.name, "phone": plan.phone} | plan.destinations
        wanted |= {key: getattr(entry, key) for key in _ADDRESSES}
        wanted |= {key: value for key in _SWITCHES if (value := getattr(entry, key)) is not None}
        wanted |= {name: value * 60 for key, name in _MINUTES.items() if (value := getattr(entry, key)) is not None}
        # What the subscriber chose plays on, though it came from a file, as alternatives do.
        chosen = {choice.audio_id for choice in choices.values()}
        for key in GREETINGS:
            if (entry.number, key) in self._prepared.greeting_ids:
                wanted[key] = self._prepared.greeting_ids[entry.number, key]
            elif before is not None and _is_from_file(playing := getattr(before, key)) and playing not in chosen:
                wanted[key] = None
        return wanted

    async def _tell(self, owner: Mailbox, kind: Kind, name: str | None) -> None:
        """Have a mailbox's owner told what callers hear from now on (security.md, row 4); None is the default."""
        change = TO_DEFAULT[kind] if name is None else CHOSEN[kind]
        notice_id = f"{self._prepared.notice_id}:{kind}:{owner.id}"
        await tell_owner(self._connection, owner, change, self._now, notice_id=notice_id, detail=name or "")

    async def _write(self, before: Mailbox, wanted: Mapping[str, Any]) -> Mailbox:
        diff = {name: value for name, value in wanted.items() if getattr(before, name) != value}
        if diff:
            before = await mailboxes.change_mailbox(self._connection, before, diff, self._now)
            self._written[before.number] = before
        return before

    async def _device(self, subject: str, plan: MailboxPlan, mailbox: Mailbox, known: list[Device]) -> None:
        if plan.entry.device_password is None:
            return
        ha1 = Ha1.of(plan.username, self._realm, plan.entry.device_password)
        kept = [each for each in known if (each.username, each.realm) == (plan.username, self._realm)]
        md5_only = plan.entry.device_md5_only
        if len(kept) == len(known) == 1 and (kept[0].ha1_md5, kept[0].ha1_sha256, kept[0].md5_only) == (
            ha1.md5,
            ha1.sha256,
            md5_only,
        ):
            return
        await mailboxes.remove_devices(self._connection, mailbox.id)
        made = Device(
            company_id=mailbox.company_id,
            mailbox_id=mailbox.id,
            number=mailbox.number,
            username=plan.username,
            realm=self._realm,
            ha1_md5=ha1.md5,
            ha1_sha256=ha1.sha256,
            md5_only=md5_only,
        )
        await mailboxes.put_device(self._connection, made, self._now)
        self._note(subject, "device_password")

    async def _secrets(self, subject: str, plan: MailboxPlan, mailbox: Mailbox, standing: Standing) -> None:
        history = PinHistory.of(standing.history)
        pin = self._prepared.pins.get(mailbox.number)
        if pin is not None:
            history = replace(history, applied_pin=pin.hash)
        if pin is not None and not pin.known:
            history = history.after(standing.pin_hash)
            await credentials.set_pin(
                self._connection,
                company_id=mailbox.company_id,
                mailbox_id=mailbox.id,
                pin_hash=pin.hash,
                one_time=not plan.entry.pin_is_final,
                history=history.stored,
                now=self._now,
            )
            self._note(subject, "pin")
        web = self._prepared.web_passwords.get(mailbox.number)
        if web is not None:
            history = replace(history, applied_web_password=web.hash)
        if web is not None and not web.known:
            await provisioned.put_web_password(
                self._connection, company_id=mailbox.company_id, mailbox_id=mailbox.id, password_hash=web.hash
            )
            self._note(subject, "web_password")
        if tuple(history.stored) != standing.history:
            await provisioned.remember(self._connection, mailbox.id, history.stored)

    async def _team(self, wanted: TeamPlan, standing: Standing | None) -> None:
        before = standing.members if standing else frozenset()
        after = frozenset(self._written[extension].id for extension in wanted.members)
        if before != after:
            await teams.change(self._connection, self._written[wanted.number], before=before, after=after)
            self._note(f"mailbox {wanted.number}", "members", *self._numbers(before, after))

    def _numbers(self, *members: frozenset[int]) -> list[Value]:
        """Return each set of mailboxes as their extensions."""
        by_id = {mailbox.id: mailbox.number for mailbox in self._written.values()}
        return [", ".join(sorted(by_id[key] for key in keys)) or None for keys in members]

    async def _list(self, wanted: ListPlan, owner: Standing | None) -> None:
        entry = wanted.entry
        subject = f"list {entry.number} of mailbox {entry.owner}"
        members = frozenset(self._written[extension].id for extension in wanted.members)
        recording = self._prepared.list_recordings.get((entry.owner, entry.number))
        known = next((each for each in owner.lists if each.number == entry.number), None) if owner else None
        if known is None:
            self._note(subject, "")
            await lists.add(
                self._connection,
                self._written[entry.owner],
                number=entry.number,
                description=entry.description,
                shared=entry.shared,
                members=members,
                recording=recording,
            )
            return
        if known.members != members:
            self._note(subject, "members", *self._numbers(known.members, members))
        if known.recording != recording:
            self._note(subject, "recording", "another recording" if known.recording else None, entry.recording)
        diff = self._differences(subject, known, {"description": entry.description, "shared": entry.shared})
        if diff or (known.members, known.recording) != (members, recording):
            await lists.change(
                self._connection,
                known,
                description=entry.description,
                shared=entry.shared,
                members=members,
                recording=recording,
            )

    def _differences(
        self, subject: str, before: Any, wanted: Mapping[str, Any], plan: MailboxPlan | None = None
    ) -> dict[str, Any]:
        """Note and return which fields differ."""
        diff = {name: value for name, value in wanted.items() if getattr(before, name) != value}
        for name, value in diff.items():
            self._note(subject, *_shown(name, getattr(before, name), value, plan))
        return diff

    def _note(self, subject: str, key: str, before: Value = None, after: Value = None) -> None:
        self._changes.append(Change(subject, key, before, after))

    @contextmanager
    def _conflicts(self, path: KeyPath) -> Iterator[None]:
        """Say a conflict that only the database saw at the table it came from."""
        try:
            yield
        except Conflict as conflict:
            key, cure = _CONFLICT_CURES.get(conflict.field, ("number", "Write another one."))
            what = f"{conflict.field} {conflict.value} is taken already"
            raise DirectoryError((self._file.problem((*path, key), what, cure),)) from None


_CONFLICT_CURES: Final = {
    "device": (
        "device_password",
        "Another phone, maybe of another company, has this name: give this one a device_username of its own.",
    ),
    "list": ("number", "Another list of the company is shared under this number: write another one."),
}


def _claims(file: DirectoryFile) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield every number of the file: where it stands, the number, and the extension of its mailbox."""
    for index, plan in enumerate(file.mailboxes):
        extension = plan.entry.number
        yield ("mailbox", index, "number"), extension, extension
        if plan.phone is not None:
            yield ("mailbox", index, "phone"), plan.phone, extension
        for position, alias in enumerate(plan.aliases or ()):
            yield ("mailbox", index, "aliases", position), alias, extension


def _shown(name: str, before: Any, after: Any, plan: MailboxPlan | None) -> tuple[str, Value, Value]:
    """Return a field of `Mailbox` by the file's key and in its units."""
    for key, of_mailbox in _MINUTES.items():
        if name == of_mailbox:
            return key, before // 60, after // 60
    if name in GREETINGS and plan is not None:
        return name, None if before is None else "another recording", getattr(plan.entry, name)
    if isinstance(after, Language):
        return name, before.value, after.value
    return name, before, after


def _is_from_file(audio_id: str | None) -> bool:
    """Tell whether a greeting came from a file: those are named after their content, recordings at random."""
    return audio_id is not None and uuid.UUID(audio_id).version == 5
