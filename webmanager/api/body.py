"""The JSON body of a request, checked by pydantic; what is wrong is said field by field, as for queries."""

import json
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from webmanager.api.querying import FIELDS_MAX, fault
from webmanager.problems import Problem, invalid
from webmanager.wording import Code

B = TypeVar("B", bound=BaseModel)


async def read_body(request: web.Request, model: type[B]) -> B:
    """Return the checked body (at most 1 MiB, which the server sees to).

    Raises:
        Problem: the 422 that names all that is wrong.
    """
    try:
        values: Any = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise invalid("body", "json") from None
    if not isinstance(values, dict):
        raise invalid("body", "json")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [fault(each) for each in error.errors(include_url=False, include_input=False)]
        raise Problem(Code.INVALID, errors=faults[:FIELDS_MAX]) from None
