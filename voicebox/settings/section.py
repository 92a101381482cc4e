"""What all sections of the configuration have in common, and the types their keys share."""

from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from voicebox.addresses import (
    PORT_MAX,
    Endpoint,
    IPAddress,
    IPNetwork,
    PeerAddress,
    SettingError,
    parse_endpoint,
    parse_host,
    parse_ip,
    parse_network,
    parse_peer_address,
)


def beside_file(path: Path, info: ValidationInfo) -> Path:
    """Resolve a relative path against the configuration file's folder, handed in as the context's `base`."""
    if not str(path).isprintable():
        raise SettingError("holds a character that no file name should have", "Write a plain path.")
    base: Path = (info.context or {}).get("base", Path.cwd())
    return (base / path.expanduser()).absolute()


FilePath = Annotated[Path, AfterValidator(beside_file)]
HostName = Annotated[str, AfterValidator(parse_host)]
IP = Annotated[IPAddress, BeforeValidator(parse_ip)]
Network = Annotated[IPNetwork, BeforeValidator(parse_network)]
Address = Annotated[PeerAddress, BeforeValidator(parse_peer_address)]
Listen = Annotated[Endpoint, BeforeValidator(parse_endpoint)]
Port = Annotated[int, Field(ge=1, le=PORT_MAX)]


class Section(BaseModel):
    """What all sections have in common: frozen, no unknown keys, defaults checked like values."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, data: Any) -> Any:
        """Drop empty strings where the key may be absent: `proxy = ""`, or a variable that compose passes empty."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if not (value == "" and cls._optional(key))}

    @classmethod
    def _optional(cls, key: str) -> bool:
        info = cls.model_fields.get(key)
        return info is not None and (NoneType in get_args(info.annotation) or info.default_factory is not None)
