"""What /proc tells a function of the machine: fixed figures of its own size, never the host's.

Knows the texts that programs read there (proc(5)). Does not know the host, but for the kind of its
processors.
"""

from __future__ import annotations

from collections.abc import Iterator

KIB = 1024
# Of the memory there are only the total and what is free; nothing that changes with the use of the machine.
NO_MEMORY = (
    "Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon) Active(file) Inactive(file)"
    " Unevictable Mlocked SwapTotal SwapFree Dirty Writeback AnonPages Mapped Shmem KReclaimable Slab"
    " SReclaimable SUnreclaim KernelStack PageTables"
).split()

FIXED = {
    "/proc/loadavg": "0.00 0.00 0.00 1/1 1\n",
    "/proc/uptime": "1.00 1.00\n",
    "/proc/vmstat": "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n",
}

# name below /proc/sys → value; what programs ask for to size their buffers and tables
SETTINGS = {
    "fs/file-max": "1048576",
    "fs/nr_open": "1048576",
    "fs/pipe-max-size": "1048576",
    "kernel/cap_last_cap": "40",
    "kernel/domainname": "(none)",
    "kernel/ngroups_max": "65536",
    "kernel/ostype": "Linux",
    "kernel/overflowgid": "65534",
    "kernel/overflowuid": "65534",
    "kernel/pid_max": "32768",
    "kernel/random/entropy_avail": "256",
    "kernel/randomize_va_space": "2",
    "kernel/threads-max": "1024",
    "net/core/somaxconn": "4096",
    "net/ipv4/ip_local_port_range": "32768\t60999",
    "vm/max_map_count": "65530",
    "vm/overcommit_memory": "0",
}

# Fields of /proc/cpuinfo that change with the load of the machine, or name it.
CHANGING = {"cpu MHz": "2500.000", "bogomips": "5000.00", "BogoMIPS": "50.00", "Serial": "0000000000000000"}


def shown(memory: int, processors: int, kinds: str, hostname: str) -> dict[str, bytes]:
    """Return path → content for every entry of /proc that tells of the machine.

    `memory` is the function's, in MiB; `processors` how many it may run on; `kinds` the host's /proc/cpuinfo.
    """
    texts = {
        **FIXED,
        "/proc/meminfo": "".join(_memory(memory * KIB)),
        "/proc/stat": "".join(_times(processors)),
        "/proc/cpuinfo": "\n".join(_processors(processors, kinds)),
        **{f"/proc/sys/{name}": f"{value}\n" for name, value in SETTINGS.items()},
        "/proc/sys/kernel/hostname": f"{hostname}\n",
    }
    return {path: text.encode() for path, text in texts.items()}


def _memory(total: int) -> Iterator[str]:
    for name in ("MemTotal", "MemFree", "MemAvailable"):
        yield f"{name + ':':<15}{total:>9} kB\n"
    for name in NO_MEMORY:
        yield f"{name + ':':<15}{0:>9} kB\n"


def _times(processors: int) -> Iterator[str]:
    nothing = " ".join(["0"] * 10)
    yield f"cpu  {nothing}\n"
    for number in range(processors):
        yield f"cpu{number} {nothing}\n"
    yield "intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\nsoftirq 0\n"


def _processors(processors: int, kinds: str) -> Iterator[str]:
    """Yield as many entries as there are processors, all like the host's first."""
    first = kinds.split("\n\n", 1)[0].splitlines()
    for number in range(processors):
        for line in first:
            name, colon, value = line.partition(":")
            field = name.strip()
            if field == "processor":
                value = f" {number}"
            elif field in CHANGING:
                value = f" {CHANGING[field]}"
            yield name + colon + value
        yield ""
    yield ""
