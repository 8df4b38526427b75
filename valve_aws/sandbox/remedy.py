"""What to do when a step of making a sandbox fails, by step and errno.

Knows the usual causes on the distributions and containers that people have. Does not look at this host.
"""

from __future__ import annotations

from errno import EACCES, EINVAL, ENOENT, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM, EROFS

USER_NAMESPACE = (
    "this host does not let ordinary users make user namespaces: on Ubuntu 24.04 and later "
    "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on older Debian "
    "`sudo sysctl kernel.unprivileged_userns_clone=1`, "
    "elsewhere `sudo sysctl user.max_user_namespaces=15000`; in a container "
    "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined`; or run as root"
)
ROOT_IN_CONTAINER = (
    "root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN here: run as an ordinary user, or start the container with "
    "both (`--cap-add`), or with `--privileged`"
)
FEW_UIDS = "run as the ordinary user that started this namespace, or give the container 65536 uids"
PROC = (
    "a container that covers parts of /proc forbids a new one to ordinary users: run as root in it with "
    "`--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined`, or add `--security-opt systempaths=unconfined`"
)
KERNEL = "this needs Linux 5.14 or later with user, network and pid namespaces"
MISSING = "check that the path exists and that you may read it"
NOT_INSIDE = "the place must exist within what is bound there, since binds are read-only"

# (beginning of the step, errno or None for any) → remedy; the first that fits
REMEDIES: tuple[tuple[str, int | None, str], ...] = (
    ("make a user namespace", EPERM, USER_NAMESPACE),
    ("make a user namespace", EACCES, USER_NAMESPACE),
    ("make a user namespace", ENOSPC, USER_NAMESPACE),
    ("lend a uid", None, FEW_UIDS),
    ("make a pid namespace", EPERM, ROOT_IN_CONTAINER),
    ("make the function's user namespace", None, USER_NAMESPACE),
    ("map the identity", None, USER_NAMESPACE),
    ("make mount, network", EPERM, USER_NAMESPACE),
    ("make the network", EPERM, ROOT_IN_CONTAINER),
    ("open what shows inside", EINVAL, "correct the bind"),
    ("open what shows inside", ENOENT, MISSING),
    ("open what shows inside", EACCES, MISSING),
    ("lay out the view", EPERM, PROC),
    ("lay out the view", EROFS, NOT_INSIDE),
    ("lay out the view", EOPNOTSUPP, "move it away, or to a file system that overlayfs can stand on"),
    (
        "start the runtime",
        ENOENT,
        "the program, or what its first line names, is not in the view: add a bind for it",
    ),
    ("start the runtime", EACCES, "the program is not executable for others"),
    ("", ENOSYS, KERNEL),
    ("", EINVAL, KERNEL),
    ("", None, "run `valve doctor` to see what this host can enforce"),
)


def remedy(step: str, errno: int) -> str:
    """Return what the user can do about it."""
    return next(
        text for start, number, text in REMEDIES if step.startswith(start) and number in (None, errno)
    )
