"""Write docs/images/demo.svg: what `plait demo` shows on a terminal, captured from the real command.

Run it where plait is installed, after a change of what the command shows: `.venv/bin/python docs/capture.py`.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COMMAND = ("plait", "demo", "demo-study")
ROWS, COLUMNS = 100, 100
TARGET = Path(__file__).parent / "images" / "demo.svg"
SVG = """\
<svg class="rich-terminal" viewBox="0 16 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="plait demo on a terminal">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
<rect y="16" width="{width}" height="{height}" rx="8" fill="#0c0c0c"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's picture of a terminal without its title bar, and without a font from the net."""


def shown_by(command: tuple[str, ...], folder: Path) -> str:
    """Give what `command`, run in `folder`, shows on a terminal: stdout with its colours, then stderr."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        raise SystemExit(f"{command[0]} is not beside this Python: run this script with the Python that plait is installed in.")
    running = subprocess.Popen([program, *command[1:]], cwd=folder, env=environment, stdout=theirs, stderr=subprocess.PIPE)  # noqa: S603 - our own command
    os.close(theirs)
    shown = io.BytesIO()
    try:
        while chunk := os.read(ours, 1 << 16):
            shown.write(chunk)
    except OSError:  # Linux's end of a terminal that its program has left
        pass
    _, errors = running.communicate()
    if running.returncode:
        raise SystemExit(errors.decode())
    return (shown.getvalue() + errors).decode().replace("\r\n", "\n")


def main() -> None:
    """Run the command in an empty folder and write its picture."""
    with tempfile.TemporaryDirectory() as folder:
        shown = shown_by(COMMAND, Path(folder))
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text(f"$ {' '.join(COMMAND)}", "bold"))
    console.print(Text.from_ansi(shown))
    svg = console.export_svg(theme=MONOKAI, code_format=SVG, unique_id="demo", title="")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")
    sys.stdout.write(f"Wrote {TARGET}, {TARGET.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
