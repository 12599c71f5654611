"""The report as one HTML page that needs nothing else: pictures beside the tree, and no way out of it.

Everything of the model's is data to the page's script, which sets it as text alone; the page's policy lets no other
script run, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from convinspect.render.options import Options
from convinspect.render.page_data import page_data
from convinspect.report import Report

# In a script element only these could end the element, or mean something else in JavaScript.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def write(report: Report, options: Options) -> str:
    """Return the page; of ``options`` only the ``picture`` has a say: it lies behind the receptive fields."""
    return page({**page_data(report), "picture": options.picture}, ascii_only=options.ascii)


def page(data: dict[str, Any], *, ascii_only: bool = False) -> str:
    """Return the page that shows ``data``, which is the one place where it holds more than ASCII."""
    built = files("convinspect.render") / "web" / "built"
    script, style = ((built / name).read_text("utf-8") for name in ("page.js", "page.css"))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    document = _json(data, ascii_only=ascii_only)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>convinspect</title>\n<style>{style}</style>\n</head>\n<body>\n"
        "<noscript>This page is drawn by its script; --format table has the same report as text.</noscript>\n"
        f'<script type="application/json" id="data">{document}</script>\n<script>{script}</script>\n</body>\n</html>'
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(data: dict[str, Any], *, ascii_only: bool) -> str:
    text = json.dumps(data, ensure_ascii=ascii_only, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text
