"""Query parameters, checked by pydantic; what is wrong is said field by field, in words of our own."""

from typing import Annotated, Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from webmanager.problems import FieldFault, Problem
from webmanager.wording import Code

Q = TypeVar("Q", bound=BaseModel)

PAGE: Final = 50
PAGE_MAX: Final = 200
"""What `Inbox` gives at once, and what fits one answer that is made in a few milliseconds."""
FIELDS_MAX: Final = 20
"""Wrong fields that are told of at once."""


class AnyQuery(BaseModel):
    """No parameters; what is there is not looked at, for probes add things of their own."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CompanyQuery(BaseModel):
    """Of everything that needs a token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: str | None = Field(
        default=None,
        max_length=80,
        description="The company by its name: for operator tokens. Others may name their own only.",
    )


MAILBOX_NUMBER: Final = r"[0-9*#+]{1,20}"

Limit = Annotated[int, Field(ge=1, le=PAGE_MAX, description="How many at most.")]
MailboxNumber = Annotated[str, Field(pattern=f"^{MAILBOX_NUMBER}$", description="The extension of a mailbox.")]


def cursor_param(parse: Any, list_name: str) -> Any:
    """Return the type of a parameter that continues a list; `parse` raises PydanticCustomError("cursor", …)."""
    return Annotated[
        Any,
        BeforeValidator(parse),
        WithJsonSchema({"type": "string", "maxLength": 200}),
        Field(description=f"`next` of the page before, to go on in the list of {list_name}."),
    ]


def read_query(request: web.Request, model: type[Q]) -> Q:
    """Return the checked parameters; raises the 422 that names all that is wrong."""
    faults: list[FieldFault] = []
    values: dict[str, str] = {}
    strict = model.model_config.get("extra") == "forbid"
    for name, value in request.query.items():
        if name in values and strict:
            faults.append(FieldFault(_shown(name), "given-twice"))
        values[name] = value
    try:
        read = model.model_validate(values)
    except ValidationError as error:
        faults += [fault(each) for each in error.errors(include_url=False, include_input=False)]
    else:
        if not faults:
            return read
    raise Problem(Code.INVALID, errors=faults[:FIELDS_MAX])


def fault(error: ErrorDetails) -> FieldFault:
    """Return one of pydantic's findings as ours."""
    name = _shown(".".join(str(part) for part in error["loc"]))
    facts = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return FieldFault(name, "whole-number")
        case "greater_than_equal":
            return FieldFault(name, "at-least", {"limit": str(facts["ge"])})
        case "less_than_equal":
            return FieldFault(name, "at-most", {"limit": str(facts["le"])})
        case "enum" | "literal_error":
            choices = str(facts["expected"]).replace("'", "").replace(" or ", ", ")
            return FieldFault(name, "one-of", {"choices": choices})
        case "string_too_long":
            return FieldFault(name, "too-long", {"limit": str(facts["max_length"])})
        case "string_too_short":
            return FieldFault(name, "required")
        case "unprintable":
            return FieldFault(name, "unprintable")
        case "bool_parsing":
            return FieldFault(name, "one-of", {"choices": "true, false"})
        case "string_pattern_mismatch":
            return FieldFault(name, "mailbox-number")
        case "cursor":
            return FieldFault(name, "cursor")
        case "extra_forbidden":
            return FieldFault(name, "unknown-field")
        case "missing":
            return FieldFault(name, "required")
        case _:
            return FieldFault(name, "invalid")


def _shown(name: str) -> str:
    """Return a name as it may be told back: short, and of printable characters."""
    return "".join(c if c.isprintable() else "?" for c in name[:40])
