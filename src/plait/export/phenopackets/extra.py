"""The package that knows the schema of phenopackets is in the extra `phenopackets`."""

from __future__ import annotations

from typing import Any

from plait.errors import MissingExtraError


def parsed(packet: dict[str, Any]) -> Any:  # noqa: ANN401 - a Phenopacket, whose package may not be installed
    """Give a packet, in the JSON form of protobuf, as a message of the schema: a field that it does not have, or of another type, is an error.

    Raises:
        MissingExtraError: The extra `phenopackets` is not installed.
    """
    need_phenopackets("a phenopacket")
    from google.protobuf.json_format import ParseDict
    from phenopackets.schema.v2.phenopackets_pb2 import Phenopacket

    return ParseDict(packet, Phenopacket())


def need_phenopackets(what: str) -> None:
    """Fail where the package is not installed.

    Raises:
        MissingExtraError: It is not.
    """
    try:
        import phenopackets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            what, expected="the packages of plait[phenopackets]", got=f"no {error.name}", todo="pip install 'plait[phenopackets]'."
        ) from None
