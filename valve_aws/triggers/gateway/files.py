"""Files that lie beside an API and are answered as they are.

Knows one folder, and that nothing outside of it is shown. Does not know routes.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from urllib.parse import unquote

from valve_aws.triggers.gateway.asked import Answer, Asked


def found(folder: Path | None, asked: Asked) -> Answer | None:
    """Return the file that a request means, of a folder its `index.html`; None when there is none."""
    if folder is None or asked.method not in {"GET", "HEAD"}:
        return None
    root = folder.resolve()
    try:
        path = (root / unquote(asked.path).lstrip("/")).resolve()
        path = path / "index.html" if path.is_dir() else path
        if not path.is_relative_to(root) or not path.is_file() or not path.resolve().is_relative_to(root):
            return None
        content = path.read_bytes()
    except (OSError, ValueError):
        return None
    kind, _ = mimetypes.guess_type(path.name)
    return Answer(200, (("Content-Type", kind or "application/octet-stream"),), content)
