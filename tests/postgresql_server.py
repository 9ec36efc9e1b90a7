"""A PostgreSQL server of one's own for the length of a test run, away from any other."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["initdb_path", "postgresql_server"]


def initdb_path() -> Path | None:
    """Returns initdb, of the newest version where Debian keeps several, None if not installed."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(versions, key=lambda path: float(path.parts[-3]))[-1:]
    found = [*newest, *filter(None, [shutil.which("initdb")])]
    return Path(found[0]) if found else None


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Yields the URL of a new server that only this machine's users with access to it can reach.

    It listens on a socket in its temporary folder, so no port can be taken; it is stopped and
    removed at the end. It does not sync to disk: it need not survive this machine. All users are
    trusted but one, `by_password`, which has no password that fits.
    """
    initdb = initdb_path()
    assert initdb is not None, "callers look first"
    folder = Path(tempfile.mkdtemp(prefix="hawc-postgresql-"))
    data, log = folder / "data", folder / "log"
    # initdb and the server refuse to run as root; Debian's package brings the user
    user = "postgres" if os.getuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(initdb.with_name(program)), "-D", str(data), *arguments]
        done = subprocess.run(
            command,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            text=True,
            timeout=120,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}")

    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    try:
        run("initdb", "-U", "hawc", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        rules = data / "pg_hba.conf"  # the first that fits counts
        rules.write_text(f"local all by_password scram-sha-256\n{rules.read_text()}")
        run("pg_ctl", "start", "-w", "-l", str(log), "-o", options)
        try:
            yield f"postgresql+psycopg://hawc@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")  # nothing is worth keeping
    finally:
        shutil.rmtree(folder)
