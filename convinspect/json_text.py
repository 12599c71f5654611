"""JSON that every reader takes: half of a surrogate pair, as odd file names have it, is no text."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")


def json_text(document: Any, indent: int | None = None, *, ascii_only: bool = False) -> str:
    r"""Return ``document`` as JSON; half of a surrogate pair becomes the text of its escape, ``\udcff``."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    whole = _HALF.sub(lambda half: rf"\\u{ord(half[0]):04x}", text)
    return json.dumps(json.loads(whole), indent=indent) if ascii_only else whole
