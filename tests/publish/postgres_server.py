"""A real PostgreSQL server that lives as long as the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3:cr/t@100%"  # noqa: S105 - of that server; every character of it is one that URLs trip over


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, over TCP and in `socket_folder`."""

    port: int
    socket_folder: Path

    def connect(self, database: str = "postgres", **more: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - what psycopg takes
        return psycopg.connect(host=str(self.socket_folder), port=self.port, user="plait", password=PASSWORD, dbname=database, autocommit=True, **more)


@dataclass(frozen=True)
class Target:
    """An empty database on the server."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://plait:{quote(PASSWORD, safe='')}@127.0.0.1:{self.server.port}/{self.name}"

    @property
    def bare_url(self) -> str:
        """The URL without password."""
        return f"postgresql+psycopg://plait@127.0.0.1:{self.server.port}/{self.name}"

    @contextmanager
    def connected(self, **more: Any) -> Iterator[psycopg.Connection[Any]]:  # noqa: ANN401 - what psycopg takes
        with self.server.connect(self.name, **more) as con:
            yield con

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.connected() as con:
            return con.execute(query.encode(), values or None).fetchall()

    def do(self, *statements: str) -> None:
        with self.connected() as con:
            for statement in statements:
                con.execute(statement.encode())

    def clear(self) -> None:
        """Drop what tests made."""
        self.do(*(f"DROP SCHEMA {name} CASCADE" for name in (*self.schemas(), "public")), "CREATE SCHEMA public")

    def notes(self) -> list[str]:
        """Give the texts of all notes."""
        return [text for (text,) in self.rows("SELECT note_text FROM cdm.note ORDER BY note_id")]

    def schemas(self) -> list[str]:
        """Give the names of all schemas that are not PostgreSQL's own."""
        found = self.rows("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') ORDER BY 1")
        return [name for (name,) in found]


def programs() -> Path | None:
    """Give the folder with initdb and pg_ctl of the newest PostgreSQL, as Debian has them; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def running_server(binaries: Path) -> Iterator[Server]:
    """Start a server in a folder of its own and stop it at the end; PostgreSQL refuses to run as root, so it is then run as `postgres`."""
    is_root = os.geteuid() == 0
    account = pwd.getpwnam("postgres") if is_root else pwd.getpwuid(os.geteuid())
    user: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if is_root else {}
    folder = Path(tempfile.mkdtemp(prefix="plait-pg-"))
    password = folder / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    for path in (folder, password):
        os.chown(path, account.pw_uid, account.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def do(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *arguments]
        # Into a file, not a pipe: the server inherits it and would keep a pipe open.
        with (folder / f"{program}.log").open("ab") as log:
            subprocess.run(command, check=True, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **user)

    try:
        do("initdb", "--username=plait", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "--no-sync")
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c autovacuum=off"
        do("pg_ctl", "start", "-w", "-l", str(folder / "server.log"), "-o", settings)
        try:
            yield Server(port, folder)
        finally:
            do("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(folder)
