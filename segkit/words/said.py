"""What analysis hands to words: keys of sentences in `texts.yaml`, and the fields that fill them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Saying = tuple[str, Mapping[str, Any]]
"""The key of a sentence, and its fields."""

Said = list[Saying]
"""Several, in the order in which they are said."""
