"""``python -m convinspect``."""

from __future__ import annotations

from convinspect.cli import main

if __name__ == "__main__":
    main()
