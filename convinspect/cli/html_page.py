"""``--picture`` and ``--open``: what the HTML page is drawn on, and how it is shown."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from convinspect.cli.output import Output, open_output
from convinspect.cli.streams import say
from convinspect.errors import UsageError

# Images that browsers show and that cannot hold a script, by how their files begin.
_MARKS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


def read_picture(text: str | None) -> str | None:
    """Return the image file that ``--picture`` names as an address that holds it.

    Raises `UsageError` for one that cannot be used.
    """
    if text is None:
        return None
    try:
        content = Path(text).read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(f"--picture {text}: {getattr(error, 'strerror', None) or error}") from error
    webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    kind = "webp" if webp else next((kind for mark, kind in _MARKS if content.startswith(mark)), None)
    if kind is None:
        raise UsageError(f"--picture {text}: not a PNG, JPEG, GIF or WebP image")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def refuse_elsewhere(options: dict[str, Any], form: str) -> None:
    """Raise `UsageError` for options of the HTML page where another ``form`` was asked for."""
    for name in ("picture", "open_"):
        if options.get(name) and form != "html":
            raise UsageError(f"--{name.rstrip('_')} is for the HTML page", "add --format html")


def output_of(options: dict[str, Any], inputs: list[str]) -> Output:
    """Return where the report goes; a page that is to be shown and not kept goes into a file of its own."""
    import tempfile  # noqa: PLC0415

    output = open_output(options["output"], inputs)
    if not options["open_"] or not output.is_stdout:
        return output
    return open_output(str(Path(tempfile.mkdtemp(prefix="convinspect-")) / "report.html"), ())


def show(output: Output) -> None:
    """Open the page in the browser, or say where it is."""
    import webbrowser  # noqa: PLC0415

    path = output.path
    if path is None or not webbrowser.open(path.as_uri()):
        say(f"note: no browser was found; the page is {path or output.text}")
