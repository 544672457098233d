"""Puts the stubs, which lie beside the contract, into the wheel of giftcard-client.

An editable install reads them where they lie: after `make stubs` copies would be old.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubsIntoWheel(BuildHookInterface):  # type: ignore[misc] # Only builds have hatchling.
    """The hook, which hatchling finds by its kind."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Include the stubs, unless the build is of an editable install."""
        if version != "editable":
            build_data["force_include"]["../protos/giftcard"] = "giftcard"
