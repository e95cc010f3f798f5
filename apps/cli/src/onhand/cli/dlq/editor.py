"""Has a person edit a text, in the editor they are used to."""

import os
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from onhand.common.errors import OnhandError


class NoEditor(OnhandError):
    """There is no editor, or it failed."""


def edit_text(text: str, name: str) -> str:
    """Open $VISUAL or $EDITOR, or vi, on a text and return what is left in its file.

    Args:
        text: to begin with.
        name: of the file; its end tells the editor what is in it.

    Raises:
        NoEditor: it cannot be run, failed, or left no text.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with TemporaryDirectory(prefix="onhand-") as directory:
        file = Path(directory) / name
        file.write_text(text)
        try:
            subprocess.run([*shlex.split(editor), file], check=True)  # noqa: S603  # the person's own choice
            return file.read_text()
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise NoEditor(f"the editor ({editor}) failed: {error}. Set EDITOR, or use --data or --set") from None
