"""The walls as code inside meets them, as root's sandbox and as an ordinary user's.

Knows what a function must not be able to do. Does not know how it is kept from it.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sandbox.scenes import outside, play, ways
from valve_aws.sandbox.inside import files

pytestmark = pytest.mark.parametrize("who", ways())

STATUS = """
import json
lines = (line.partition(':') for line in open('/proc/self/status'))
print(json.dumps({name: value.strip() for name, _, value in lines}))
"""


def test_a_function_has_no_capability_no_real_uid_and_a_filter(who: str) -> None:
    status = json.loads(play(who, "run", code=STATUS)["out"])
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split() == ["993"] * 4
    assert status["Gid"].split() == ["990"] * 4
    assert status["NSpid"] == "2"


def test_root_lends_a_uid_that_belongs_to_nobody(who: str) -> None:
    inside, on_host, count = play(who, "run", code="print(open('/proc/self/uid_map').read())")["out"].split()
    assert (inside, count) == ("993", "1")
    # An ordinary user's is in a namespace between, where it is 0.
    assert int(on_host) == 0 if who.startswith("user") else int(on_host) >= 0x70000000


def test_only_its_own_processes_exist_for_it(who: str) -> None:
    code = "import os; print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))"
    assert len(json.loads(outside(code))) > 2
    assert json.loads(play(who, "run", code=code)["out"]) == [1, 2]


WRITE = """
import os, json
done = []
for folder, folders, files in os.walk('/'):
    if folder.startswith(('/proc/', '/usr/share', '/usr/lib/', '/usr/include')):
        folders[:] = []
        continue
    try:
        open(os.path.join(folder, '.probe'), 'w').close()
        done.append(folder)
    except OSError:
        pass
    for name in files[:20]:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NONBLOCK))
            done.append(os.path.join(folder, name))
        except OSError:
            pass
print(json.dumps(done))
"""


def test_nothing_can_be_written_but_tmp(who: str) -> None:
    done = set(json.loads(play(who, "run", code=WRITE)["out"]))
    devices = {f"/dev/{name}" for name in "null zero full random urandom stdin stdout stderr".split()}
    assert "/tmp" in done
    assert {place for place in done if not place.startswith("/tmp")} <= devices


SETTINGS = """
import os
opened = 0
for folder, _, files in os.walk('/proc/sys'):
    for name in files:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY)); opened += 1
        except OSError:
            pass
print(opened)
"""


def test_no_setting_of_the_kernel_opens_for_writing(who: str) -> None:
    if who.startswith("root"):
        assert int(outside(SETTINGS)) > 100
    assert play(who, "run", code=SETTINGS)["out"].strip() == "0"


def test_entries_of_the_machine_in_proc_are_empty(who: str) -> None:
    there = [path for name in MACHINE.split() if (path := Path("/proc") / name).exists()]
    assert len(there) > 3
    code = f"print([len(open(path, 'rb').read(9)) for path in {[str(path) for path in there]}])"
    assert json.loads(play(who, "run", code=code)["out"]) == [0] * len(there)


MACHINE = "kcore keys sysrq-trigger kallsyms timer_list cmdline interrupts config.gz slabinfo diskstats"
ELSEWHERE = (
    "/etc/shadow /root/.bashrc /home /run /sys /var/run /boot /dev/shm /dev/tty /dev/pts /mnt /srv"
)


def test_the_rest_of_the_host_is_not_there(who: str) -> None:
    code = f"import os; print([path for path in {ELSEWHERE.split()} if os.path.lexists(path)])"
    assert "/etc/shadow" in outside(code)
    assert play(who, "run", code=code)["out"].strip() == "[]"
    assert play(who, "run", code="import os; print(os.listdir('/opt'))")["out"].strip() == "[]"


def test_a_file_of_the_host_that_anybody_may_read_is_not_there(who: str, tmp_path: Path) -> None:
    secret = Path(f"/tmp/{uuid4().hex}")
    secret.write_text("secret")
    secret.chmod(0o644)
    try:
        code = f"print(open({str(secret)!r}).read())"
        assert "secret" in outside(code)
        assert "FileNotFoundError" in play(who, "run", code=code)["err"]
    finally:
        secret.unlink()


def test_the_environment_is_the_plan_s_and_nothing_else(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hosts-own")
    told = play(who, "run", argv=["/usr/bin/env"], environ={"A": "1"})["out"]
    assert set(told.split()) == {"PATH=/usr/bin:/bin", "A=1"}


def test_it_inherits_three_descriptors(who: str) -> None:
    ran = play(who, "run", code="import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))")
    assert json.loads(ran["out"]) == [0, 1, 2, 3], "the last is the listing's own"


def test_pid_1_holds_nothing_that_leads_to_the_host(who: str) -> None:
    """Neither the host's namespaces nor its files, whichever process it was forked from."""
    held = play(who, "what_pid_1_holds")
    if who.startswith("user") and held == "hidden":
        return  # as it should be: an ordinary user may not look into it either
    assert set(held) <= {"/", "/dev/null", "socket", "pipe", "anon_inode", "own /proc"}
    assert held.count("/") == 1, "the sandbox's own /proc, which pid 1 answers from"


def test_output_may_be_opened_by_name(who: str) -> None:
    ran = play(who, "run", code="open('/dev/stdout', 'w').write('a'); open('/dev/stderr', 'w').write('b')")
    assert (ran["out"], ran["err"]) == ("a", "b")


NAMES = """
import socket, os, pwd
print(socket.gethostname(), pwd.getpwuid(os.getuid()).pw_name, os.getcwd(), open('/etc/resolv.conf').read())
"""


def test_names_are_those_of_lambda(who: str) -> None:
    said = play(who, "run", code=NAMES)["out"]
    assert said.split() == ["169-254-76-1", "sbx_user1051", "/tmp", "nameserver", "169.254.78.1"]


def test_the_host_s_abstract_and_path_sockets_are_out_of_reach(who: str) -> None:
    name = uuid4().hex
    place = Path(f"/tmp/{name}.sock")
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as on_path:
        abstract.bind(f"\0{name}")
        on_path.bind(str(place))
        place.chmod(0o777)
        try:
            for each in (abstract, on_path):
                each.listen()
                with socket.socket(socket.AF_UNIX) as client:
                    assert client.connect_ex(each.getsockname()) == 0
                    each.accept()[0].close()
            assert play(who, "meet_unix", path=f"@{name}") == "111"
            assert play(who, "meet_unix", path=str(place)) == "2"
        finally:
            place.unlink()


CALL = """
import socket, sys
for address, port in zip(sys.argv[1::2], map(int, sys.argv[2::2])):
    s = socket.create_connection((address, port), 10)
    s.sendall(b'hello'); print(s.recv(9))
"""

MEANT = [
    ("1.2.3.4", 80),
    ("8.8.8.8", 443),
    ("169.254.169.254", 80),
    ("10.1.2.3", 5432),
    ("10.1.2.3", 8443),
    ("127.0.0.1", 9001),
    ("127.0.0.1", 80),
    ("192.168.0.1", 22),
    ("203.0.113.1", 1),
    ("203.0.113.1", 65535),
    ("2001:db8::7", 443),
    ("fd00:ec2::254", 80),
    ("2606:4700::1111", 6379),
    ("::1", 80),
]


def test_every_address_and_port_arrives_at_the_valve_as_it_was_meant(who: str) -> None:
    ran = play(who, "run", code=CALL, arguments=[str(part) for meant in MEANT for part in meant])
    assert ran["called"] == [["tcp", address, port, "hello"] for address, port in MEANT]
    assert ran["out"].count("valve") == len(MEANT)
    assert ran["every_port"]


def test_a_server_on_the_host_s_loopback_is_never_reached(who: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        there = ["127.0.0.1", str(server.getsockname()[1])]
        host = threading.Thread(target=lambda: server.accept()[0].sendall(b"host"), daemon=True)
        host.start()
        assert "host" in outside(CALL, *there)
        host.join()
        server.settimeout(0)
        assert "ConnectionRefusedError" in play(who, "run", code=CALL, arguments=there)["err"]
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_function_may_talk_to_a_server_of_its_own(who: str) -> None:
    code = """
import socket
s = socket.create_server(('127.0.0.1', 0))
c = socket.create_connection(s.getsockname()); c.sendall(b'own'); print(s.accept()[0].recv(9))
"""
    ran = play(who, "run", code=code)
    assert "own" in ran["out"]
    assert ran["called"] == []


ASK = """
import socket, sys
for address, port in zip(sys.argv[1::2], map(int, sys.argv[2::2])):
    f = socket.AF_INET6 if ':' in address else socket.AF_INET
    s = socket.socket(f, socket.SOCK_DGRAM); s.settimeout(20); s.connect((address, port)); s.send(b'name?')
    try: print(s.recv(9))
    except OSError as e: print(e)
"""
ASKED = ["169.254.78.1", "8.8.8.8", "2001:4860:4860::8888"]


def test_datagrams_to_port_53_arrive_with_the_address_that_was_asked(who: str) -> None:
    ran = play(who, "run", code=ASK, arguments=[part for address in ASKED for part in (address, "53")])
    assert ran["called"] == [["udp", address, 53, "name?"] for address in ASKED]
    assert ran["out"].count("valve") == len(ASKED)


def test_other_datagrams_go_nowhere(who: str) -> None:
    ran = play(
        who,
        "run",
        code=ASK,
        arguments=[part for port in ("123", "443", "5353") for part in ("8.8.8.8", port)],
    )
    assert ran["called"] == []
    assert ran["out"].count("Connection refused") == 3


def test_files_of_the_plan_lie_over_binds_and_links_end_inside(who: str) -> None:
    folder = Path(f"/tmp/{uuid4().hex}")
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "bundle.pem").write_text("theirs")
    (folder / "plain.txt").write_text("plain")
    (folder / "link.pem").symlink_to("/etc/passwd")
    try:
        ran = play(
            who,
            "run",
            argv=[
                "/bin/sh",
                "-c",
                "cat bundle.pem link.pem plain.txt /opt/a/b; head -c5 /etc/passwd; echo; ls -A /",
            ],
            binds=[[str(folder), "/var/task"]],
            files={"/var/task/bundle.pem": "ours,", "/var/task/link.pem": "linked,", "/opt/a/b": ",new,"},
            directory="/var/task",
        )
        assert ran["out"].startswith("ours,linked,plain,new,linke"), ran
        known = ".nothing bin dev etc lib lib32 lib64 libx32 opt proc root sbin tmp usr var".split()
        shown = ran["out"].splitlines()[1:]
        assert {"tmp", "var"} <= set(shown) <= set(known)
        assert Path("/etc/passwd").read_text().startswith("root")
        assert (folder / "bundle.pem").read_text() == "theirs"
    finally:
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()


REACH = """
import os, socket, sys
print(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1] + '/socket'))
try:
    os.open(sys.argv[1] + '/pipe', os.O_WRONLY | os.O_NONBLOCK); print(0)
except OSError as e:
    print(e.errno)
"""


def test_sockets_and_pipes_within_a_bound_folder_lead_nowhere(who: str) -> None:
    folder = Path(f"/tmp/{uuid4().hex}")
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        server.listen()
        for each in (folder, *folder.iterdir()):
            each.chmod(0o777)
        try:
            assert outside(REACH, str(folder)).split() == ["0", "0"]
            ran = play(who, "run", code=REACH, arguments=["/var/task"], binds=[[str(folder), "/var/task"]])
            assert ran["out"].split() == ["111", "6"]
        finally:
            os.close(reader)
            for each in folder.iterdir():
                each.unlink()
            folder.rmdir()


def test_where_overlays_fail_a_folder_with_a_socket_or_a_pipe_is_refused(who: str, tmp_path: Path) -> None:
    (tmp_path / "code" / "deep").mkdir(parents=True)
    (tmp_path / "code" / "app.py").touch()
    (tmp_path / "code" / "link").symlink_to("/dev/null")
    files.refuse_ways_out(str(tmp_path), "/project")
    os.mkfifo(tmp_path / "code" / "deep" / "pipe")
    with pytest.raises(OSError, match="/project/code/deep/pipe"):
        files.refuse_ways_out(str(tmp_path), "/project")


def test_what_the_host_can_enforce_is_told_line_by_line(who: str) -> None:
    found = play(who, "doctor")
    assert found["enforced"], found
    assert {name for name, _, _ in found["checks"]} >= {"every TCP port", "own uid", "system call filter"}
