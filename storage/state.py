"""Where local state lies when no setting says: in the checkout, or in the user's state folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def home(root: Path, environment: Mapping[str, str]) -> Path:
    """The folder that relative paths of settings count from: `root`, the code's, where something may be written to it.

    A Bento is exported and containerized as it lies in its store, so nothing may: what a server keeps, passwords
    among it, would travel along. Then, and where the folder is not writable, it is `tiffin` in the user's state folder
    (XDG Base Directory Specification: XDG_STATE_HOME, by default ~/.local/state).

    Raises RuntimeError when the user has no home folder.
    """
    bento = (root.parent / "bento.yaml").is_file()
    if not bento and (os.access(root, os.W_OK) or os.access(root / ".tiffin", os.W_OK)):
        return root
    base = Path(environment.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path("~/.local/state").expanduser()) / "tiffin"


def default_folder(root: Path, environment: Mapping[str, str]) -> Path:
    """The folder of local state: `.tiffin` of a checkout, the home itself elsewhere. Raises RuntimeError as `home`."""
    found = home(root, environment)
    return root / ".tiffin" if found == root else found
