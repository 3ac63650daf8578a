"""Who writes which block of rows.

A claim is an object created exclusively, whose content is the writer's token. A writer writes shards of
blocks that it has claimed and of no others, so that two writers never write the same object, however late
one of them notices that it has been replaced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from unienv_data.store.objects import ObjectStore

__all__ = ["Claims"]


@dataclass(frozen=True)
class Claims:
    """The claims of one writer.

    Attributes:
        objects: where the storage stands.
        group: the group of the arrays.
        writer: the writer's token.
    """

    objects: ObjectStore
    group: str
    writer: str

    def claim(self, log: str, block: int) -> bool:
        """Claim a block of a log; False where it is another's."""
        return self._create(f"claims/{self.group}/{log}/{block}")

    def succeed(self, log: str, block: int, commit: int) -> bool:
        """Take over a block that commit number `commit` released; False where another has."""
        return self._create(f"claims/{self.group}/{log}/{block}.{commit}")

    def claim_from(self, log: str, block: int) -> int:
        """Claim the first block at or after `block` that is nobody's; returns its number."""
        while not self.claim(log, block):
            block += 1
        return block

    def holds(self, log: str, block: int) -> bool:
        """Whether a block of a log has been claimed by this writer."""
        try:
            return self.objects.read(f"claims/{self.group}/{log}/{block}") == self._content
        except FileNotFoundError:
            return False

    @property
    def _content(self) -> bytes:
        return json.dumps({"writer": self.writer}).encode()

    def _create(self, name: str) -> bool:
        content = self._content
        try:
            # A claim that is lost with the power is lost with the writer, before any of its commits.
            self.objects.create(name, content, durable=False)
        except FileExistsError:
            # An answer may have been lost and the request repeated: then the claim is ours.
            return self.objects.read(name) == content
        return True
