"""Why Labeler cannot start, as one sentence for the person at the terminal."""

import errno
import os


class CannotStart(Exception):
    """str() says what is wrong and what to do about it. Commands print it and exit with 1."""


def explain_os_error(error: OSError, doing: str) -> CannotStart:
    """The sentence for an operating-system error met while `doing` (for example "writing to /data")."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return CannotStart(
            f"The disk is full ({doing}). Free some space and start again; nothing acknowledged is lost."
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return CannotStart(
            f"No permission ({doing}) for the account {account_name()}. Choose another data directory "
            "(--data DIR, or make run DATA=DIR), or change the owner of this one."
        )
    if error.errno == errno.EROFS:
        return CannotStart(f"The file system is read-only ({doing}). Choose another data directory with --data DIR.")
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return CannotStart(f"A file stands where a directory is needed ({doing}). Choose another one with --data DIR.")
    return CannotStart(f"{doing[:1].upper()}{doing[1:]} failed: {error.strerror or error}.")


def account_name() -> str:
    """The name of the account this process runs as, or its number when it has none."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run with a number nobody named
        return str(os.geteuid())
