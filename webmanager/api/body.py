"""The JSON body of a request, checked by pydantic; what is wrong is said field by field, as for queries."""

import json
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from webmanager.api.querying import FIELDS_MAX, fault
from webmanager.expecting import receiving
from webmanager.problems import Problem, invalid
from webmanager.wording import Code

B = TypeVar("B", bound=BaseModel)

RECEIVE_MAX_S: Final = 20.0
"""For 1 MiB at most, and a few hundred bytes mostly."""


async def read_body(request: web.Request, model: type[B]) -> B:
    """Return the checked body (at most 1 MiB, which the server sees to).

    Raises:
        Problem: the 422 that names all that is wrong; 408, it did not come in time; 400, it broke off.
    """
    async with receiving(request, RECEIVE_MAX_S):
        data = await request.read()
    try:
        values: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise invalid("body", "json") from None
    if not isinstance(values, dict):
        raise invalid("body", "json")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [fault(each) for each in error.errors(include_url=False, include_input=False)]
        raise Problem(Code.INVALID, errors=faults[:FIELDS_MAX]) from None
