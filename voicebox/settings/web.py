"""`[web]`: where the web manager and the API are served."""

from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from voicebox.addresses import SettingError, parse_endpoint
from voicebox.settings.section import FilePath, Listen, Network, Section


def _own_url(data: dict[str, Any]) -> str:
    listen = data.get("listen") or parse_endpoint("127.0.0.1:8080")
    return f"{'https' if data.get('certificate') else 'http'}://{listen}"


class Web(Section):
    """Where the web manager and the API are served."""

    listen: Listen = Field(default_factory=lambda: parse_endpoint("127.0.0.1:8080"))
    certificate: FilePath | None = None
    key: FilePath | None = None
    trusted_proxies: tuple[Network, ...] = ()
    """Whose X-Forwarded-For and -Proto are believed."""
    public_url: str = Field(default_factory=_own_url)
    """Without a slash at the end; for links in mails and pages."""

    @field_validator("public_url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise SettingError(f"{value!r} is not a web address", 'Write it as "https://voicebox.example.org".')
        return value.rstrip("/")

    @model_validator(mode="after")
    def _pair(self) -> Self:
        for one, other in (("certificate", "key"), ("key", "certificate")):
            if getattr(self, one) is None and getattr(self, other) is not None:
                raise SettingError(f"is missing, and web.{other} is set", "Write both, or neither.", at=(one,))
        return self
