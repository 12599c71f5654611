"""Images that the HTML page may hold: those that browsers show and that cannot hold a script."""

from __future__ import annotations

import base64

# How their files begin.
_MARKS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def media_type(content: bytes) -> str | None:
    """Return the kind of image that ``content`` is: PNG, JPEG, GIF or WebP; ``None``: none of these."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _MARKS if content.startswith(mark)), None)


def data_url(content: bytes) -> str:
    """Return the image as an address that holds it."""
    return f"data:{media_type(content)};base64,{base64.b64encode(content).decode()}"
