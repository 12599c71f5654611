"""``--picture`` and ``--open``: what the HTML page is drawn on, and how it is shown."""

from __future__ import annotations

from pathlib import Path

from convinspect.cli.output import Output, open_output
from convinspect.cli.streams import say
from convinspect.errors import UsageError
from convinspect.render.pictures import media_type


def read_picture(text: str | None) -> bytes | None:
    """Return the image file that ``--picture`` names; raises `UsageError` for one that cannot be used."""
    if text is None:
        return None
    try:
        content = Path(text).read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(f"--picture {text}: {getattr(error, 'strerror', None) or error}") from error
    if media_type(content) is None:
        raise UsageError(f"--picture {text}: not a PNG, JPEG, GIF or WebP image")
    return content


def shown(output: Output) -> Output:
    """Return where a page goes that is to be shown: to ``output``, or where that is no file to one of its own."""
    import tempfile  # noqa: PLC0415

    if not output.is_stdout:
        return output
    return open_output(str(Path(tempfile.mkdtemp(prefix="convinspect-")) / "report.html"), ())


def show(output: Output) -> None:
    """Open the page in the browser, or say where it is."""
    import webbrowser  # noqa: PLC0415

    path = output.path
    if path is None or not webbrowser.open(path.as_uri()):
        say(f"note: no browser was found; the page is {path or output.text}")
