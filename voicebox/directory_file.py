"""Read `directory.toml` whole and checked: every mistake with its line, its key and its cure.

All of one kind come at once: first keys and types that cannot be read, then, once those are right, numbers, PINs,
greetings and members. Empty text where a key may be left out means left out. Numbers come out in E.164 (or as
extensions, where calls may be sent to one), so that `apply` compares what is stored with what is meant.
"""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from voicebox import passcode
from voicebox.addresses import SettingError
from voicebox.announcement import Kind
from voicebox.config import Problem, key_name
from voicebox.directory_entries import (
    ALIASES_MAX,
    GREETINGS,
    LATER_TABLES,
    SECRET_KEYS,
    CompanyEntry,
    ListEntry,
    MailboxEntry,
    Tables,
)
from voicebox.directory_plan import DirectoryError, DirectoryFile, ListPlan, MailboxPlan, TeamPlan
from voicebox.directory_wording import NUMBER_CURE, NUMBER_TEXTS, PIN_TEXTS, REFUSAL_TEXTS
from voicebox.greeting_file import GreetingRefused, read_greeting
from voicebox.numbers import DialPlan, NumberRefused, parse_destination, parse_strict, spellings
from voicebox.outbound import always_refused
from voicebox.tomllines import KeyPath, Lines, TomlError, load

_DESTINATIONS: Final = ("zero_out", "forward_always", "forward_busy", "forward_no_answer", "forward_unreachable")
_SHOWN_MAX: Final = 80


def read_directory(path: Path) -> DirectoryFile:
    """Read and check a file, with the greetings beside it.

    Raises:
        DirectoryError: it cannot be applied; names what is wrong.
    """
    try:
        data, lines = load(path)
    except TomlError as error:
        place = f"{error.source}, line {error.line}"
        raise DirectoryError((Problem(place, "", error.problem, "Correct the file there."),)) from None
    except OSError as error:
        cure = "Name a file that exists and is readable."
        raise DirectoryError((Problem(str(path), "", f"cannot be read: {error.strerror}", cure),)) from None
    return _Check(path, data, lines).run()


class _Check:
    """One pass over a file, gathering its problems."""

    def __init__(self, path: Path, data: dict[str, Any], lines: Lines) -> None:
        self._path = path
        self._data = data
        self._lines = lines
        self._found: list[tuple[int, Problem]] = []
        self._claims: dict[str, KeyPath] = {}
        """Every number of the company, and the key that claims it."""

    def run(self) -> DirectoryFile:
        for name in sorted(LATER_TABLES & self._data.keys()):
            self._add(
                (name,), "belongs to a later release", f"Remove [[{name}]]: this version has voice mailboxes only."
            )
            del self._data[name]
        try:
            tables = Tables.model_validate(_without_empty(self._data, Tables))
        except ValidationError as error:
            for details in error.errors(include_url=False):
                self._explain(details)
            raise self._error() from None
        plan = self._plan(tables.company)
        for index, entry in enumerate(tables.mailbox):
            self._claim(entry.number, ("mailbox", index, "number"), entry.number)
        mailboxes = tuple(self._mailbox(entry, index, plan) for index, entry in enumerate(tables.mailbox))
        lists = self._lists(tables, plan)
        teams = self._teams(tables, plan)
        if self._found:
            raise self._error()
        return DirectoryFile(self._path, tables.company, plan, mailboxes, lists, teams, self._lines)

    def _plan(self, company: CompanyEntry) -> DialPlan:
        try:
            return DialPlan(company.country_code, company.area_code)
        except ValueError as error:
            key = "country_code" if "country" in str(error) else "area_code"
            self._add(("company", key), str(error), "Write digits in quotes, without + and without the leading zero.")
            # Numbers cannot be read without it: their errors would only repeat this one.
            raise self._error() from None

    def _mailbox(self, entry: MailboxEntry, index: int, plan: DialPlan) -> MailboxPlan:
        at: KeyPath = ("mailbox", index)
        phone = None
        if entry.phone is not None:
            phone = self._number(entry.phone, (*at, "phone"), plan)
            self._claim(phone, (*at, "phone"), entry.phone)
        aliases = self._aliases(entry, at, plan)
        destinations = {key: self._destination(getattr(entry, key), (*at, key), plan) for key in _DESTINATIONS}
        own = {entry.number, *(number for number in (phone, *(aliases or ())) if number)}
        for key, destination in destinations.items():
            if destination in own:
                self._add((*at, key), "is the mailbox's own number", "Write another number; this would be a loop.")
            elif destination is not None and destination not in self._claims:
                self._dialled(destination, (*at, key), plan)
        self._pin(entry, at, own, plan)
        return MailboxPlan(
            entry=entry,
            place=f"{self._path}, line {self._lines.of(at)}",
            phone=phone,
            aliases=aliases,
            destinations=destinations,
            greetings={key: data for key, name, here in _greetings(entry, at) if (data := self._greeting(name, here))},
        )

    def _aliases(self, entry: MailboxEntry, at: KeyPath, plan: DialPlan) -> tuple[str, ...] | None:
        if entry.aliases is None:
            return None
        if len(entry.aliases) > ALIASES_MAX:
            what = f"there are {len(entry.aliases)} aliases"
            self._add((*at, "aliases"), what, f"Leave at most {ALIASES_MAX}.")
        found = []
        for position, text in enumerate(entry.aliases):
            here = (*at, "aliases", position)
            number = self._number(text, here, plan)
            self._claim(number, here, text)
            if number is not None:
                found.append(number)
        return tuple(found)

    def _claim(self, number: str | None, at: KeyPath, text: str) -> None:
        """Note whose a number is; one number in two spellings is still one."""
        if number is None:
            return
        first = self._claims.setdefault(number, at)
        if first != at:
            what = f"{text!r} is the same number as {key_name(first)} on line {self._lines.of(first)}"
            self._add(at, what, "Leave it at one of the two.")

    def _number(self, text: str, at: KeyPath, plan: DialPlan) -> str | None:
        try:
            return parse_strict(text, plan)
        except NumberRefused as refused:
            self._add(at, f"{text[:_SHOWN_MAX]!r} {NUMBER_TEXTS[refused.problem]}", NUMBER_CURE)
            return None

    def _destination(self, text: str | None, at: KeyPath, plan: DialPlan) -> str | None:
        if text is None or text in self._claims:
            return text
        try:
            return parse_destination(text, plan)
        except NumberRefused as refused:
            what = f"{text[:_SHOWN_MAX]!r} {NUMBER_TEXTS[refused.problem]}"
            self._add(at, what, f"{NUMBER_CURE} An extension will do, too.")
            return None

    def _dialled(self, number: str, at: KeyPath, plan: DialPlan) -> None:
        """Refuse what no call ever goes to; whether the rest is allowed depends on `[outbound]` at the time."""
        why = always_refused(number, plan.country_code)
        if why is not None:
            self._add(at, f"{number!r} {REFUSAL_TEXTS[why]}", "Write another number, or leave the key out.")

    def _pin(self, entry: MailboxEntry, at: KeyPath, own: set[str], plan: DialPlan) -> None:
        if entry.pin is None:
            return
        known = [spelling for number in own for spelling in spellings(number, plan)]
        for problem in passcode.check(entry.pin, known):
            self._add((*at, "pin"), f"the PIN {PIN_TEXTS[problem]}", "Write another one, or leave the key out.")

    def _greeting(self, name: str | None, at: KeyPath) -> bytes | None:
        if name is None:
            return None
        try:
            return read_greeting(self._path.parent / name)
        except GreetingRefused as refused:
            self._add(at, f"{name[:_SHOWN_MAX]!r} {refused.problem}", refused.cure)
            return None

    def _lists(self, tables: Tables, plan: DialPlan) -> tuple[ListPlan, ...]:
        found = []
        numbers: dict[tuple[str, int], int] = {}
        shared: dict[int, int] = {}
        owners = {entry.number for entry in tables.mailbox}
        for index, entry in enumerate(tables.distribution_list):
            at: KeyPath = ("distribution_list", index)
            if entry.owner not in owners:
                self._add((*at, "owner"), f"no mailbox here has the number {entry.owner!r}", "Write one of this file.")
            first = numbers.setdefault((entry.owner, entry.number), index)
            if first != index:
                self._add((*at, "number"), f"{entry.owner} has a list {entry.number} already", "Write a free number.")
            if entry.shared and shared.setdefault(entry.number, index) != index:
                self._add((*at, "number"), f"there is a shared list {entry.number} already", "Write a free number.")
            members = [
                self._member(text, (*at, "members", position), tables, plan)
                for position, text in enumerate(entry.members)
            ]
            recording = self._greeting(entry.recording, (*at, "recording"))
            found.append(ListPlan(entry, tuple(dict.fromkeys(member for member in members if member)), recording))
        return tuple(found)

    def _teams(self, tables: Tables, plan: DialPlan) -> tuple[TeamPlan, ...]:
        found = []
        teams = {entry.number for entry in tables.mailbox if entry.team}
        for index, entry in enumerate(tables.mailbox):
            at: KeyPath = ("mailbox", index, "members")
            if entry.members is None:
                continue
            if not entry.team:
                self._add(at, "stands at a mailbox that is no team's", "Write team = true, or leave the members out.")
                continue
            members = [self._member(text, (*at, place), tables, plan) for place, text in enumerate(entry.members)]
            for place, member in enumerate(members):
                if member in teams:
                    self._add((*at, place), f"{member} is a team mailbox itself", "Write its members here instead.")
            found.append(TeamPlan(entry.number, tuple(dict.fromkeys(member for member in members if member))))
        return tuple(found)

    def _member(self, text: str, at: KeyPath, tables: Tables, plan: DialPlan) -> str | None:
        """Return the extension of a member, named by any of its numbers."""
        number = self._destination(text, at, plan)
        if number is None:
            return None
        if number not in self._claims:
            self._add(at, f"no mailbox here has the number {text[:_SHOWN_MAX]!r}", "Write one of this file.")
            return None
        return tables.mailbox[int(self._claims[number][1])].number

    def _explain(self, details: ErrorDetails) -> None:
        """Say one of pydantic's findings in our words."""
        path: KeyPath = tuple(part for part in details["loc"] if part not in ("function-after", "constrained-str"))
        error = (details.get("ctx") or {}).get("error")
        if isinstance(error, SettingError):
            self._add(path, error.problem, error.cure)
        else:
            self._add(path, *_explained(details, path))

    def _add(self, path: KeyPath, what: str, cure: str) -> None:
        line = self._lines.of(path)
        self._found.append((line, Problem(f"{self._path}, line {line}", key_name(path), what, cure)))

    def _error(self) -> DirectoryError:
        # A union tries each of its types: the same finding comes once for each.
        ordered = dict.fromkeys(problem for _, problem in sorted(self._found, key=lambda pair: pair[0]))
        return DirectoryError(tuple(ordered))


def _greetings(entry: MailboxEntry, at: KeyPath) -> Iterator[tuple[str, str | None, KeyPath]]:
    """Yield every greeting of a mailbox: its key, its file, and where that is written."""
    for key in GREETINGS:
        yield key, getattr(entry, key), (*at, key)
    for index, alternative in enumerate(entry.alternative_greetings or ()):
        yield Kind.alternative(index + 1), alternative.file, (*at, "alternative_greetings", index, "file")


def _explained(details: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    """Return what is wrong and the cure, for what pydantic itself finds."""
    context = details.get("ctx") or {}
    shown = "the value" if path[-1:] and path[-1] in SECRET_KEYS else _shown(details["input"])
    match details["type"]:
        case "extra_forbidden":
            return "there is no such key", _closest(str(path[-1]), _model_at(path[:-1]))
        case "missing" if len(path) == 1:
            return "is missing", f"Write a table [{path[0]}] with the company's name."
        case "missing":
            return "is missing", "Write it; it has no default."
        case "enum":
            return f"{shown} is not one of the choices", f"Write one of {context['expected']}."
        case "bool_type":
            return f"{shown} is neither true nor false", "Write true or false, without quotes."
        case "int_type":
            return f"{shown} is not a whole number", "Write a number without quotes."
        case "string_type":
            return f"{shown} is not text", "Write it in quotes."
        case "greater_than_equal":
            return f"{shown} is too small", f"Write {context['ge']} or more."
        case "less_than_equal":
            return f"{shown} is too large", f"Write {context['le']} or less."
        case "string_too_short" | "too_short":
            return "is empty", "Write at least one."
        case "string_too_long":
            return "is too long", f"Write at most {context['max_length']} characters."
        case "too_long":
            return "has too many entries", f"Leave at most {context['max_length']}."
        case "tuple_type":
            is_tables = len(path) == 1
            return f"{shown} is not a list", f"Write [[{path[0]}]]." if is_tables else "Put it in square brackets."
        case "model_type" | "model_attributes_type":
            return f"{shown} is not a table", f"Write it as [{key_name(path)}]."
    return f"{shown} cannot be used ({details['msg']})", "See docs/admins/directory.md."


def _closest(word: str, model: type[BaseModel] | None) -> str:
    known = list(model.model_fields) if model else []
    similar = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {similar[0]}?" if similar else f"The keys here are {', '.join(known)}."


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    models: dict[str, type[BaseModel]] = {
        "company": CompanyEntry,
        "mailbox": MailboxEntry,
        "distribution_list": ListEntry,
    }
    return models.get(str(path[0])) if path else Tables


def _shown(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return "a table" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _without_empty(data: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Drop empty text where the key may be left out."""
    return {key: _inner(value, model, key) for key, value in data.items() if value != "" or not _optional(model, key)}


def _inner(value: Any, model: type[BaseModel], key: str) -> Any:
    inner = _model_at((key,)) if model is Tables else None
    if inner is None:
        return value
    if isinstance(value, list):
        return [_without_empty(item, inner) if isinstance(item, dict) else item for item in value]
    return _without_empty(value, inner) if isinstance(value, dict) else value


def _optional(model: type[BaseModel], key: str) -> bool:
    info = model.model_fields.get(key)
    return info is not None and NoneType in get_args(info.annotation)
