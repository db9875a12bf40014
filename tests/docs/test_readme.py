"""README.md and docs/*.md are true to the letter: their commands and their Python are run, what they show is compared.

A page is run from its top to its end in a folder of its own, beside a copy of the demo study:

- `console`: every `$ ` command is run; where lines follow it, they are all that it says. `…` stands for what differs
  from run to run: in a line for some of it, alone on a line for any number of lines. `make` is not run; its targets must exist.
- `python`: run, one namespace to a page; where a `text` block follows at once, it is all that is printed.
- any block with `title="…"`: written to a file of that name.
- `<!-- not run: why -->` above a block leaves it out.
"""

from __future__ import annotations

import contextlib
import html
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^(?P<skip><!-- not run: .+ -->\n)?"
    r"```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<text>.*?)^```$"
    r"(?P<after>\n+```text\n(?P<shown>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
SHELL = set("|<>&;$`*(){}\\")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    place: str
    language: str
    title: str | None
    text: str
    shown: str | None


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page that are to be run or written."""
    content = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(content):
        if not found["skip"]:
            title = re.search(r'title="(.+?)"', found["info"])
            line = content.count("\n", 0, found.start()) + 1
            yield Block(f"{page.name}:{line}", found["language"], title and title[1], found["text"], found["shown"])


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with the lines that it is said to show."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def fits(shown: str, said: str) -> bool:
    """Say whether what was said is what is shown, apart from spaces at line ends."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else r"[^\n]*?".join(map(re.escape, line.rstrip().split("…"))) + "\n" for line in shown.rstrip("\n").split("\n")
    )
    plain = "".join(line.rstrip() + "\n" for line in said.rstrip("\n").split("\n"))
    return re.fullmatch(pattern, plain) is not None


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def run_command(line: str, plait: Callable[..., Any]) -> tuple[int, str]:
    """Run a command of a page and give its exit code and what it said."""
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        assert set(words[1:]) <= make_targets(), line
        return 0, ""
    if words == [".", ".venv/bin/activate"]:
        return 0, ""
    if words[0] == "plait" and not SHELL & set(line):
        result = plait(*words[1:])
        return result.code, result.out + result.err
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", line], env=os.environ | {"PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # noqa: S607
    return done.returncode, done.stdout


def run_console(block: Block, plait: Callable[..., Any]) -> None:
    for line, shown in commands(block):
        code, said = run_command(line, plait)
        assert (code != 0) == shown.startswith("plait: "), f"{block.place}: {line}: exit {code}\n{said}"
        if shown.strip():
            assert fits(shown, said), f"{block.place}: $ {line}\n--- the page shows\n{shown}\n--- it says\n{said}"


def run_python(block: Block, namespace: dict[str, Any]) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, block.place, "exec"), namespace)  # noqa: S102 - our own pages
    if block.shown is not None:
        assert fits(block.shown, printed.getvalue()), f"{block.place}\n--- the page shows\n{block.shown}\n--- it prints\n{printed.getvalue()}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_true(page: Path, demo_study: Path, command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(blocks(page))
    if any("demo-study" in block.text for block in found):
        shutil.copytree(demo_study, tmp_path / "demo-study")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in found:
        if block.title is not None:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            run_console(block, command)
        elif block.language == "python":
            run_python(block, namespace)


def test_shown_lines_are_compared_in_full() -> None:
    assert fits("a\n…\nb 1 …\n", "a\nx\ny\nb 1 2\n")
    assert fits("a\n…\n", "a   \n\n")
    assert not fits("a\n", "a\nb\n")
    assert not fits("a\n…\nc\n", "a\nb\n")
    assert not fits("a …\n", "a b\nc\n")


def test_readme_names_the_two_commands_and_an_example_for_each_user() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = [line for block in blocks(ROOT / "README.md") if block.language == "console" for line, _ in commands(block)]
    assert [line.split("#")[0].strip() for line in said[:2]] == ["make demo", "make test"]
    for user in ("data engineer", "modeller", "data steward"):
        assert re.search(rf"^## .*{user}", readme, re.MULTILINE), user


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith(("http", "#")) or (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


def test_picture_shows_what_the_command_shows(demo_study: Path, command: Callable[..., Any]) -> None:
    picture = (ROOT / "docs/images/demo.svg").read_text(encoding="utf-8")
    lines: dict[float, str] = defaultdict(str)
    for height, text in re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>(.*?)</text>', picture):
        lines[float(height)] += " " + html.unescape(text)
    shown = [" ".join(line.split()) for _, line in sorted(lines.items())]
    assert shown[0] == "$ plait demo demo-study"
    status = command("etl", "status", "-s", demo_study).out
    ledger = [" ".join(line.split()) for line in status[: status.index("\n\nWhy")].splitlines()[3:]]
    assert shown[2 : 2 + len(ledger)] == ledger, "run docs/capture.py"
    assert len(picture) < 100_000
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
