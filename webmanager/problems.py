"""Problem details for HTTP APIs (RFC 9457): the one form in which the API refuses."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from voicebox.announcement import Kind
from voicebox.i18n import Language
from webmanager.wording import STATUS, Code, field_text, text_of

CONTENT_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:voicebox:problem:"


class FieldBody(BaseModel):
    """What is wrong with one field."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(description="The name of the query parameter or field.")
    code: str = Field(description="What is wrong, for programs.")
    detail: str = Field(description="The same, for people.")


class UserBody(BaseModel):
    """A mailbox that uses what was to be deleted."""

    model_config = ConfigDict(extra="forbid")

    mailbox: str = Field(description="Its extension.")
    kind: Kind = Field(description="For which greeting.")


class ProblemBody(BaseModel):
    """RFC 9457: why a request was refused."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="`urn:voicebox:problem:` and a code that never changes.")
    title: str = Field(description="The kind of problem, in the caller's language.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What to do about it, in the caller's language.")
    instance: str | None = Field(default=None, description="With an internal error: its id in the log.")
    errors: list[FieldBody] | None = Field(default=None, description="With 422: each field that is wrong.")
    users: list[UserBody] | None = Field(default=None, description="With 409: who uses what was to be deleted.")
    not_ready: list[str] | None = Field(default=None, description="With 503 of `/readyz`: the parts that do not work.")


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field, in no language yet."""

    field: str
    code: str
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Problem(Exception):  # noqa: N818 - named as the RFC names it
    """Ends a request with a refusal."""

    def __init__(
        self,
        code: Code,
        *,
        errors: Sequence[FieldFault] = (),
        users: Sequence[UserBody] = (),
        headers: Mapping[str, str] | None = None,
        not_ready: Sequence[str] = (),
        instance: str | None = None,
        status: int | None = None,
        **facts: str,
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.status = status or STATUS[code]
        self._errors = errors
        self._users = users
        self._headers = dict(headers or {})
        self._not_ready = not_ready
        self._instance = instance
        self._facts = facts

    def response(self, language: Language) -> web.Response:
        """Return the answer in the caller's language."""
        facts = dict(self._facts)
        if self._errors:
            facts["fields"] = ", ".join(dict.fromkeys(each.field for each in self._errors))
        if self._not_ready:
            facts["parts"] = ", ".join(self._not_ready)
        title, detail = text_of(self.code, language, facts)
        if self.code is Code.REFUSED:
            title = HTTPStatus(self.status).phrase
        body = ProblemBody(
            type=TYPE_PREFIX + self.code,
            title=title,
            status=self.status,
            detail=detail,
            instance=self._instance,
            errors=[
                FieldBody(field=each.field, code=each.code, detail=field_text(each.code, language, each.facts))
                for each in self._errors
            ]
            or None,
            users=list(self._users) or None,
            not_ready=list(self._not_ready) or None,
        )
        return web.Response(
            status=self.status,
            body=body.model_dump_json(exclude_none=True).encode(),
            content_type=CONTENT_TYPE,
            headers={"Content-Language": language.value, **self._headers},
        )


def invalid(name: str, code: str, **facts: str) -> Problem:
    """Return the 422 for one field."""
    return Problem(Code.INVALID, errors=[FieldFault(name, code, facts)])
