"""A directory file with one mailbox more, for `voicebox mailbox add` to apply."""

import json
from collections.abc import Mapping
from typing import Any

from voicebox.mailbox import Company


def file_with(company: Company, mailbox: Mapping[str, Any]) -> str:
    """Return a file that leaves the company as it is and names one mailbox; values of None are left out."""
    about = {
        "name": company.name,
        "language": str(company.language),
        "time_zone": company.time_zone,
        "country_code": company.country_code,
        "area_code": company.area_code,
        "call_back": company.call_back,
        "make_calls": company.make_calls,
        "caller_login": company.caller_login,
    }
    return "\n".join(["[company]", *_lines(about), "", "[[mailbox]]", *_lines(mailbox), ""])


def _lines(values: Mapping[str, Any]) -> list[str]:
    # JSON's strings, lists of strings, true and false are TOML's.
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value is not None]
