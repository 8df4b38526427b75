"""Which system calls a function may make, and why: the list from which the filter is assembled.

Knows calls, their numbers on both architectures and the arguments that are judged. Does not know BPF.
"""

from __future__ import annotations

from dataclasses import dataclass

EPERM, ENOMEM, EINVAL, ENOTTY, ENOSYS, ENOPROTOOPT, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT = (
    1, 12, 22, 25, 38, 92, 93, 95, 97,
)  # fmt: skip
ASKED = -1
"""In place of an errno: pid 1 of the sandbox answers (inside/asked/), the kernel never sees the call."""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""machine → AUDIT_ARCH of linux/audit.h. Calls of any other (i386 by int 0x80, x32) end the process."""

NEWEST = 450
"""Calls that came after this number and are not listed answer ENOSYS, so that a newer libc falls back."""

# Every cell: name=x86_64 number,aarch64 number. A call that stands nowhere in this file answers EPERM.
# Absent on purpose, with what they would open: ptrace, process_vm_*, pidfd_getfd, kcmp (other processes),
# mount
# and its family, chroot, pivot_root, setns, unshare (views and namespaces), bpf, perf_event_open,
# userfaultfd,
# io_uring_*, io_setup, vmsplice, keyctl and its family, modify_ldt (kernel attack surface), init_module,
# kexec_*,
# reboot, swapon (the machine), clock_set*, adjtimex, settimeofday (its clock), fanotify_*, name_to_handle_at,
# open_by_handle_at (files beyond the view), seccomp (a listener of its own), capset, set*id (there is one
# identity), syslog, acct.
ALLOWED: tuple[tuple[str, str], ...] = (
    (
        "bytes of open descriptors",
        """
        read=0,63  write=1,64  readv=19,65  writev=20,66  pread64=17,67  pwrite64=18,68
        preadv=295,69  pwritev=296,70  lseek=8,62  sendfile=40,71
        splice=275,76  copy_file_range=326,285  close=3,57  close_range=436,436  dup=32,23
        dup2=33,-  dup3=292,24  fsync=74,82  fdatasync=75,83  sync_file_range=277,84
        fallocate=285,47  ftruncate=77,46
        """,
    ),
    (
        "names of files; the view decides what they reach",
        """
        open=2,-  openat=257,56  openat2=437,437  creat=85,-  access=21,-  faccessat=269,48
        faccessat2=439,439  stat=4,-  lstat=6,-  fstat=5,80  newfstatat=262,79  statx=332,291
        statfs=137,43  fstatfs=138,44  readlink=89,-  readlinkat=267,78  getdents=78,-
        getdents64=217,61  getcwd=79,17  chdir=80,49  fchdir=81,50  rename=82,-  renameat=264,38
        renameat2=316,276  mkdir=83,-  mkdirat=258,34  rmdir=84,-  link=86,-  linkat=265,37
        symlink=88,-  symlinkat=266,36  unlink=87,-  unlinkat=263,35  truncate=76,45  chmod=90,-
        fchmod=91,52  fchmodat=268,53  fchmodat2=452,452  chown=92,-  fchown=93,55  lchown=94,-
        fchownat=260,54  umask=95,166  utime=132,-  utimes=235,-  futimesat=261,-  utimensat=280,88
        getxattr=191,8  lgetxattr=192,9  fgetxattr=193,10  listxattr=194,11  llistxattr=195,12
        flistxattr=196,13  setxattr=188,5  lsetxattr=189,6  fsetxattr=190,7  removexattr=197,14
        lremovexattr=198,15  fremovexattr=199,16
        """,
    ),
    (
        "named pipes; device nodes need a capability that nobody inside has",
        """
        mknod=133,-  mknodat=259,33
        """,
    ),
    (
        "memory of the process itself",
        """
        munmap=11,215  mprotect=10,226  mremap=25,216  brk=12,214
        msync=26,227  mlock=149,228  mlock2=325,284  munlock=150,229
        mlockall=151,230  munlockall=152,231  membarrier=324,283  pkey_mprotect=329,288
        pkey_alloc=330,289  pkey_free=331,290  get_mempolicy=239,236  mseal=462,462
        """,
    ),
    (
        "sockets, once made",
        """
        connect=42,203  accept=43,202  accept4=288,242  bind=49,200  listen=50,201  shutdown=48,210
        getsockname=51,204  getpeername=52,205  getsockopt=55,209  sendto=44,206
        recvfrom=45,207  sendmsg=46,211  recvmsg=47,212  sendmmsg=307,269  recvmmsg=299,243
        """,
    ),
    (
        "waiting for events",
        """
        poll=7,-  ppoll=271,73  select=23,-  pselect6=270,72  epoll_create=213,-
        epoll_create1=291,20  epoll_ctl=233,21  epoll_wait=232,-  epoll_pwait=281,22
        epoll_pwait2=441,441  eventfd=284,-  eventfd2=290,19  signalfd=282,-  signalfd4=289,74
        timerfd_create=283,85  timerfd_settime=286,86  timerfd_gettime=287,87  pipe=22,-
        pipe2=293,59
        """,
    ),
    (
        "processes and threads; their number is limited",
        """
        fork=57,-  vfork=58,-  execve=59,221  execveat=322,281  exit=60,93  exit_group=231,94
        wait4=61,260  waitid=247,95  getpid=39,172  getppid=110,173  gettid=186,178  getpgid=121,155
        getpgrp=111,-  getsid=124,156  setpgid=109,154  setsid=112,157  set_tid_address=218,96
        set_robust_list=273,99  get_robust_list=274,100  futex=202,98  futex_waitv=449,449
        rseq=334,293  arch_prctl=158,-  pidfd_open=434,434  pidfd_send_signal=424,424
        restart_syscall=219,128
        """,
    ),
    (
        "signals; pid 1 takes none from inside",
        """
        kill=62,129  tkill=200,130  tgkill=234,131  rt_sigaction=13,134  rt_sigprocmask=14,135
        rt_sigreturn=15,139  rt_sigpending=127,136  rt_sigsuspend=130,133  rt_sigtimedwait=128,137
        rt_sigqueueinfo=129,138  rt_tgsigqueueinfo=297,240  sigaltstack=131,132  pause=34,-
        alarm=37,-  getitimer=36,102  setitimer=38,103
        """,
    ),
    (
        "timers of a process; making one is judged below",
        """
        timer_settime=223,110  timer_gettime=224,108  timer_getoverrun=225,109  timer_delete=226,111
        """,
    ),
    (
        "clocks, read only",
        """
        time=201,-  gettimeofday=96,169  clock_gettime=228,113  clock_getres=229,114
        clock_nanosleep=230,115  nanosleep=35,101  times=100,153
        """,
    ),
    (
        "scheduling within what an ordinary user may",
        """
        sched_yield=24,124  sched_getaffinity=204,123
        sched_getparam=143,121  sched_getscheduler=145,120
         sched_getattr=315,275
        sched_get_priority_max=146,125  sched_get_priority_min=147,126
        sched_rr_get_interval=148,127  getpriority=140,141  getcpu=309,168
        ioprio_get=252,31
        """,
    ),
    (
        "who am I and how much may I use",
        """
        getuid=102,174  geteuid=107,175  getgid=104,176  getegid=108,177  getresuid=118,148
        getresgid=120,150  getgroups=115,158  capget=125,90  getrlimit=97,163  setrlimit=160,164
         getrusage=98,165  uname=63,160  getrandom=318,278
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class Demand:
    """One word of one argument, masked, must be (`wanted`) or not be one of `values`; else `errno` is
    answered."""

    argument: int
    values: tuple[int, ...]
    wanted: bool = True
    errno: int = EPERM
    mask: int = 0xFFFFFFFF
    high: bool = False
    """The upper half of a 64-bit argument. Of an `int` the kernel looks at the lower half alone."""


CLONE_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET of linux/sched.h (NEWTIME exists for clone3 only)."""

HARMLESS_IOCTLS = (
    0x5401,  # TCGETS: is this a terminal?
    0x540F,  # TIOCGPGRP
    0x5411,  # TIOCOUTQ
    0x5413,  # TIOCGWINSZ
    0x541B,  # FIONREAD
    0x5421,  # FIONBIO
    0x5450,  # FIONCLEX
    0x5451,  # FIOCLEX
    0x8905,  # SIOCATMARK
    0x8910,  # SIOCGIFNAME
    0x8912,  # SIOCGIFCONF
    0x8913,  # SIOCGIFFLAGS
    0x8915,  # SIOCGIFADDR
    0x891B,  # SIOCGIFNETMASK
    0x8921,  # SIOCGIFMTU
    0x8927,  # SIOCGIFHWADDR
    0x8933,  # SIOCGIFINDEX
    0xC0502100,  # SECCOMP_IOCTL_NOTIF_RECV: pid 1 has this filter too; nobody else has what it takes
    0xC0182101,  # SECCOMP_IOCTL_NOTIF_SEND
    0x40082102,  # SECCOMP_IOCTL_NOTIF_ID_VALID
)

HARMLESS_PRCTLS = (
    1,  # PR_SET_PDEATHSIG
    2,
    3,  # PR_GET_DUMPABLE
    4,  # PR_SET_DUMPABLE: hides a process from its siblings; its memory is then counted by its resident set
    15,  # PR_SET_NAME
    16,
    21,  # PR_GET_SECCOMP
    23,  # PR_CAPBSET_READ
    29,  # PR_SET_TIMERSLACK
    30,
    36,  # PR_SET_CHILD_SUBREAPER
    37,
    38,  # PR_SET_NO_NEW_PRIVS
    39,
    41,  # PR_SET_THP_DISABLE
    42,
    0x53564D41,  # PR_SET_VMA: names for mappings
)

LOCKING = (5, 6, 7, 36, 37, 38)
"""F_GETLK, F_SETLK, F_SETLKW and their like for open file descriptions."""

HARMLESS_FCNTLS = (
    0,  # F_DUPFD
    1,
    2,  # F_SETFD
    3,
    4,  # F_SETFL
    8,  # F_SETOWN
    9,
    1030,  # F_DUPFD_CLOEXEC
    1032,  # F_GETPIPE_SZ
    1034,  # F_GET_SEALS
)
"""Not F_SETSIG, as data that arrives could send SIGCONT to a frozen process; not leases and F_NOTIFY, which
watch what others do with a file; not F_SETPIPE_SZ, as the pages of pipes are counted for all that one user
runs."""

HARMLESS_ADVICE = (
    *range(5),  # NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED
    8,  # FREE
    10,  # DONTFORK
    11,
    14,  # HUGEPAGE
    15,
    16,  # DONTDUMP
    17,
    18,  # WIPEONFORK
    19,
    22,  # POPULATE_READ
    23,
    24,  # DONTNEED_LOCKED
    25,  # COLLAPSE
    102,  # GUARD_INSTALL
    103,
)
"""Not PAGEOUT and COLD, which push pages of a shared file out for everybody; not MERGEABLE, which shares
memory with whoever has the same."""

WAIT_FOR_NOTHING = 0xFFFFFFE8
"""All RWF_* flags of preadv2 but HIPRI, DSYNC, SYNC and APPEND: NOWAIT tells whether somebody else has read
this part of a file lately, DONTCACHE pushes it out."""
MAP_HUGETLB = 0x40000
TCP_ULP = 31

# (numbers, why, what is demanded of its arguments)
JUDGED: tuple[tuple[str, str, tuple[Demand, ...]], ...] = (
    ("clone=56,220", "processes and threads, but no namespace", (Demand(0, (0,), mask=CLONE_NAMESPACES),)),
    (
        "socket=41,198",
        "AF_UNIX, AF_INET, AF_INET6 as stream or datagram with their own protocol: "
        "no AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, raw, ICMP, SCTP or MPTCP",
        (
            Demand(0, (1, 2, 10), errno=EAFNOSUPPORT),
            Demand(1, (1, 2), errno=EPROTONOSUPPORT, mask=0xF),
            Demand(2, (0, 6, 17), errno=EPROTONOSUPPORT),
        ),
    ),
    ("socketpair=53,199", "AF_UNIX", (Demand(0, (1,), errno=EAFNOSUPPORT),)),
    (
        "ioctl=16,29",
        "no TIOCSTI, no device or file system requests",
        (Demand(1, HARMLESS_IOCTLS, errno=ENOTTY),),
    ),
    (
        "fcntl=72,25",
        "locks are pid 1's; no signal of the caller's choice, no leases, no watches, no larger pipes",
        (Demand(1, LOCKING, wanted=False, errno=ASKED), Demand(1, HARMLESS_FCNTLS, errno=EINVAL)),
    ),
    (
        "preadv2=327,286  pwritev2=328,287",
        "without asking what is in the page cache, which all sandboxes share",
        (Demand(5, (0,), mask=WAIT_FOR_NOTHING, errno=EOPNOTSUPP),),
    ),
    (
        "madvise=28,233",
        "advice about the process's own memory",
        (Demand(2, HARMLESS_ADVICE, errno=EINVAL),),
    ),
    (
        "mmap=9,222",
        "no huge pages from the machine's reserve, of which there is one",
        (Demand(3, (0,), mask=MAP_HUGETLB, errno=ENOMEM),),
    ),
    (
        "setsockopt=54,208",
        "no TLS in the kernel: asking for it loads a module of the host",
        (Demand(2, (TCP_ULP,), wanted=False, errno=ENOPROTOOPT),),
    ),
    ("prctl=157,167", "names and limits of the process itself", (Demand(0, HARMLESS_PRCTLS, errno=EINVAL),)),
    (
        "timer_create=222,107",
        "without a sigevent: one that sends SIGCONT would thaw a frozen process",
        (Demand(1, (0,)), Demand(1, (0,), high=True)),
    ),
    ("personality=135,92", "asking, and the ordinary one", (Demand(0, (0, 0xFFFFFFFF)),)),
    # pid 1 has the function's uid, so the kernel would let these slow it down; it watches the memory.
    ("prlimit64=302,261", "limits of the caller", (Demand(0, (0,)),)),
    (
        "setpriority=141,140",
        "one process other than pid 1",
        (Demand(0, (0,)), Demand(1, (1,), wanted=False)),
    ),
    ("sched_setaffinity=203,122", "any process but pid 1", (Demand(0, (1,), wanted=False),)),
    ("sched_setparam=142,118", "any process but pid 1", (Demand(0, (1,), wanted=False),)),
    ("sched_setscheduler=144,119", "any process but pid 1", (Demand(0, (1,), wanted=False),)),
    ("sched_setattr=314,274", "any process but pid 1", (Demand(0, (1,), wanted=False),)),
)

# (numbers, why, errno; 0 is success without doing anything, ASKED is pid 1's answer)
ANSWERED: tuple[tuple[str, str, int], ...] = (
    ("clone3=435,435", "its flags lie in memory that a filter cannot read; libc falls back to clone", ENOSYS),
    (
        "sync=162,81  syncfs=306,267",
        "nothing inside outlives the sandbox; it would flush the host's disks",
        0,
    ),
    ("memfd_create=319,279", "memory that belongs to no process escapes the watch on memory", ENOSYS),
    (
        "shmget=29,194  semget=64,190  msgget=68,186  mq_open=240,180",
        "the same, and what stays behind",
        ENOSYS,
    ),
    ("flock=73,32", "some inodes are the whole machine's, and a lock on one is a signal to others", ASKED),
    ("sysinfo=99,179", "free memory, load and processes of the host", ASKED),
    (
        "fadvise64=221,223  readahead=187,213",
        "they fill and empty the page cache, which all sandboxes share; advice may be ignored",
        0,
    ),
    ("mincore=27,232", "it tells what is in the page cache", ENOSYS),
    (
        "inotify_init=253,-  inotify_init1=294,26  inotify_add_watch=254,27  inotify_rm_watch=255,28",
        "it shows who else opens a file that is shared, and the number of watches is shared by all that one "
        "user runs; programs fall back to looking again",
        ENOSYS,
    ),
)


def numbers(cells: str, machine: str) -> dict[str, int]:
    """Return name → number on this machine of `name=x86,arm …`; calls that it lacks (`-`) are left out."""
    column = tuple(ARCHITECTURES).index(machine)
    pairs = ((name, both.split(",")[column]) for name, both in (cell.split("=") for cell in cells.split()))
    return {name: int(number) for name, number in pairs if number != "-"}
