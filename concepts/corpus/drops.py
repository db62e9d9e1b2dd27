"""What was left out and why: every line that cleaning drops is counted under one reason."""

from __future__ import annotations

import json
from collections import Counter


class DropReport(Counter[str]):
    """Counts by reason; `a.update(b)` adds another report."""

    def rows(self) -> list[tuple[str, int]]:
        """Return (reason, count), the commonest first, equal counts by name."""
        return sorted(self.items(), key=lambda row: (-row[1], row[0]))

    def to_json(self) -> str:
        """Return the counts as one JSON object with sorted keys."""
        return json.dumps(dict(sorted(self.items())))
