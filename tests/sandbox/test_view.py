"""What a sandbox shows of the host it runs on: everything that can be read is read, and searched.

Knows what names a host. Does not know how it is hidden.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
from pathlib import Path

import pytest

from tests.sandbox.scenes import PYTHON, ROOT, SYSTEM_PYTHON, outside, play, reachable, ways

pytestmark = pytest.mark.parametrize("who", ways())

SEARCH = """
import json, os, stat, sys
words = [bytes.fromhex(word) for word in sys.argv[1:]]
found = {}
def search(path):
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path).encode('utf-8', 'surrogateescape')
        elif stat.S_ISREG(status.st_mode) and path != '/proc/self/environ':
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 'rb') as file:
                content = file.read(8 << 20)
        else:
            return
    except OSError:
        return
    for word in words:
        if word in path.encode('utf-8', 'surrogateescape') + b'\\0' + content:
            found.setdefault(word.decode(), []).append(path)
mine = str(os.getpid())
inside = os.path.exists('/.nothing')
for start in ('/',) if inside else ('/proc/sys/kernel', '/proc/self', '/etc', '/proc/net'):
    for folder, folders, files in os.walk(start):
        parts = folder.split('/')
        others = len(parts) > 2 and parts[1] == 'proc' and parts[2].isdigit() and parts[2] not in ('1', mine)
        if folder == '/usr' or others:
            folders[:] = []
            continue
        for name in folders + files:
            search(os.path.join(folder, name))
    for name in ('cmdline', 'cpuinfo', 'mounts', 'version'):
        search('/proc/' + name)
print(json.dumps(found))
"""


def names_of_the_host(port: int) -> list[str]:
    """Names, paths, addresses and numbers that only this host has, if they are long enough to mean it."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    addresses = re.findall(
        r"-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL", Path("/proc/net/fib_trie").read_text()
    )
    people = [entry.pw_name for entry in pwd.getpwall() if 1000 <= entry.pw_uid < 60000]
    disks = [line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if line[:5] == "/dev/"]
    names = [
        boot,
        "/valve-aws",
        str(ROOT),
        reachable().name,
        str(Path.home()),
        socket.gethostname(),
        *people,
        *disks,
    ]
    names += [address for address in addresses if not address.startswith("127.")]
    names += [f"0100007F:{port:04X}", Path("/proc/cmdline").read_text().strip()[:60]]
    return [name for name in dict.fromkeys(names) if len(name) > 4 and name != "/root"]


def test_nothing_that_can_be_read_names_the_host(who: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = names_of_the_host(server.getsockname()[1])
        coded = [name.encode().hex() for name in names]
        assert len(json.loads(outside(SEARCH, *coded))) > 2, "the search finds nothing where it could"
        argv = [SYSTEM_PYTHON, "-c", SEARCH, *coded]
        ran = play(who, "run", argv=argv, bare=True, environ={"PYTHONDONTWRITEBYTECODE": "1"})
    found = json.loads(ran["out"])
    assert found == {}, found


def test_folders_and_files_of_the_host_show_without_their_path(who: str, tmp_path: Path) -> None:
    folder = Path(f"/tmp/valve-{os.urandom(8).hex()}")
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "file").write_text("x")
    try:
        code = (
            "import os; print(open('/proc/self/mountinfo').read(), open('/proc/self/maps').read(), "
            "open('/var/task/file').read(), open('/var/lang/one').read(), os.listdir('/var/lang'))"
        )
        binds = [[str(folder), "/var/task"], [str(folder / "file"), "/var/lang/one"]]
        ran = play(who, "run", argv=[SYSTEM_PYTHON, "-c", code], binds=binds, bare=True)
    finally:
        (folder / "file").unlink()
        folder.rmdir()
    assert "/var/task" in ran["out"]
    assert ran["out"].endswith("x x ['one']\n")
    assert folder.name not in ran["out"]


FIGURES = """
import json, os
def first(path):
    try: return open(path).read()
    except OSError as e: return e.errno
print(json.dumps([first('/proc/' + name) for name in
    'loadavg uptime vmstat meminfo stat net/sockstat net/protocols net/softnet_stat net/ptype'.split()]
    + [os.getloadavg(), os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') >> 20, os.cpu_count()]))
"""


def test_the_figures_of_the_machine_are_the_function_s_own(who: str) -> None:
    told = json.loads(play(who, "run", code=FIGURES, memory=320)["out"])
    host = json.loads(outside(FIGURES))
    load, uptime, paging, memory, times, *net, averages, pages, processors = told
    assert (load, uptime.split()[0], averages, pages) == ("0.00 0.00 0.00 1/1 1\n", "1.00", [0, 0, 0], 320)
    assert memory.startswith(f"MemTotal: {320 * 1024:>14} kB\n")
    assert not any(int(line.split()[1]) for line in paging.splitlines())
    assert times.count("cpu") == 1 + processors
    assert processors == len(os.sched_getaffinity(0))
    assert net == [13] * 4
    assert all(mine != theirs for mine, theirs in zip(told[:-1], host[:-1], strict=True))


def test_what_is_closed_cannot_be_opened_again(who: str) -> None:
    code = """
import os
for act in (
    lambda: os.chmod('/proc/self/net/sockstat', 0o444),
    lambda: os.chmod('/proc/1/net/sockstat', 0o444),
    lambda: open('/proc/self/comm', 'w'),
    lambda: os.listdir('/proc/self/net/stat'),
):
    try:
        act(); print('done')
    except OSError as e:
        print(e.errno)
"""
    assert play(who, "run", code=code)["out"].split() == ["30", "30", "30", "13"]


def test_the_settings_of_the_kernel_are_copies_of_which_one_is_fresh(who: str) -> None:
    code = """
import os
def told(name): return open('/proc/sys/kernel/' + name).read()
print(told('random/uuid') != told('random/uuid'), told('random/boot_id') == told('random/boot_id'))
print(told('random/boot_id'), os.stat('/proc/sys').st_dev != os.stat('/proc').st_dev, told('hostname'))
"""
    told = play(who, "run", code=code)["out"].split()
    assert told[:2] == ["True", "True"]
    assert told[2] != Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert told[3:] == ["True", "169-254-76-1"]


def test_pid_1_is_called_nothing_of_the_host_s(who: str) -> None:
    told = play(who, "run", code="print(open('/proc/1/cmdline').read().replace(chr(0), ' '))")["out"]
    # A zygote's child is called as the zygote, by a path that is inside too.
    assert told.startswith(("/proc/self/exe -I -S -c ", f"{PYTHON} -c ", f"{SYSTEM_PYTHON} -c "))
    assert reachable().name not in told
    assert str(ROOT) not in told


def test_how_many_descriptors_the_valve_has_open_does_not_show(who: str) -> None:
    """A table of descriptors is inherited with room for the highest number in it (proc(5), `FDSize`)."""
    code = "print(*[line for line in open('/proc/self/status') if line.startswith('FDSize')])"
    few, many = (play(who, "run_beside_many_descriptors", code=code, many=n)["out"] for n in (0, 400))
    assert few.startswith("FDSize:")
    assert few == many
