# SPDX-License-Identifier: Apache-2.0
"""The pool as a daemon: reload, stop, crash, timeouts, recycling, sockets."""

import os
import signal
import subprocess
import threading
import time

from load import Load
from product import LONG, Client, Stack, wait_for


def status(stack):
    return Client(stack.url).get("/-/status").json()


def test_reload_under_load_loses_no_request(fresh_stack):
    stack, broken, done = fresh_stack, [], threading.Event()

    def hammer():
        client = stack.live
        while not done.is_set():
            answer = client.get("/v1/kyc/verifications?limit=1")
            if answer.status_code != 200:
                broken.append((answer.status_code, answer.text[:200]))
    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    before = status(stack)
    for _ in range(50 if LONG else 10):
        os.kill(stack.pid("pool"), signal.SIGHUP)
        time.sleep(0.4)
    done.set()
    for thread in threads:
        thread.join()
    assert not broken, broken[:3]
    after = status(stack)
    assert after["reloads"] > before["reloads"]
    assert wait_for(lambda: {row["generation"] for row in status(stack)["workers"]} ==
                    {status(stack)["generation"]}, 10)
    assert after["crashes"] == 0


def test_reload_takes_new_settings_and_refuses_bad_ones(fresh_stack):
    stack = fresh_stack
    conf = open(stack.conf).read()
    lines = [line for line in conf.splitlines() if not line.startswith("workers")]
    with open(stack.conf, "w") as out:
        out.write("\n".join([*lines, "workers = 2", ""]))
    os.kill(stack.pid("pool"), signal.SIGHUP)
    assert wait_for(lambda: len(status(stack)["workers"]) == 2, 10)
    with open(stack.conf, "a") as out:
        out.write("wrokers = 3\n")
    os.kill(stack.pid("pool"), signal.SIGHUP)
    assert wait_for(lambda: "did you mean" in (stack.dir / "log/pool.log").read_text(), 10)
    assert len(status(stack)["workers"]) == 2
    with open(stack.conf, "w") as out:
        out.write(conf)


def test_stop_finishes_what_is_running(fresh_stack):
    stack = fresh_stack
    app, _ = stack.tenant("Stop")
    key = stack.key(app)
    answers = []

    def revoke():  # takes at least key_lease_ms
        answers.append(stack.live.get("/v1/keys").status_code)
        answers.append(stack.client(key["key"]).delete("/v1/keys/" + key["id"]).status_code)
    thread = threading.Thread(target=revoke)
    thread.start()
    time.sleep(0.12)
    pid = stack.pid("pool")
    os.kill(pid, signal.SIGTERM)
    thread.join()
    assert answers[-1] in (204, 503), answers
    assert wait_for(lambda: not os.path.exists(f"/proc/{pid}/exe"), 15)
    stack.tool("restart", "pool")
    assert wait_for(lambda: Client(stack.url).get("/-/readyz").status_code == 200, 15)


def test_a_crashed_worker_is_replaced(fresh_stack):
    stack = fresh_stack
    victim = status(stack)["workers"][0]["pid"]
    os.kill(victim, signal.SIGSEGV)
    assert wait_for(lambda: status(stack)["crashes"] == 1, 10)
    assert wait_for(lambda: len(status(stack)["workers"]) == stack.workers, 10)
    assert victim not in [row["pid"] for row in status(stack)["workers"]]


def test_too_many_crashes_end_the_pool():
    with Stack("--set", "crash_limit_per_min=3") as stack:
        master = stack.pid("pool")
        end = time.monotonic() + 40
        while os.path.exists(f"/proc/{master}/exe") and time.monotonic() < end:
            children = open(f"/proc/{master}/task/{master}/children").read().split()
            for child in children[:1]:
                try:
                    os.kill(int(child), signal.SIGSEGV)
                except ProcessLookupError:
                    pass
            time.sleep(0.3)
        assert not os.path.exists(f"/proc/{master}/exe")
        assert "crash_limit_per_min" in (stack.dir / "log/pool.log").read_text()


def test_a_request_past_its_timeout_is_logged_and_its_worker_replaced():
    with Stack("--set", "request_timeout_s=2", workers=2) as stack:
        connection = stack.database()
        cursor = connection.cursor()
        # The id_type table locked: the first verify of each worker reads the catalogue.
        cursor.execute("LOCK TABLES usage_event WRITE, verification READ")
        answer = stack.live.post("/v1/kyc/sandbox/verify", {
            "id_type": "national_id", "country": "SN", "id_number": "1234567890123",
            "first_name": "A", "last_name": "B", "date_of_birth": "1990-05-15"})
        cursor.execute("UNLOCK TABLES")
        connection.close()
        assert answer.status_code == 503, answer.text
        assert answer.json()["error"]["code"] == "UNAVAILABLE"
        assert wait_for(lambda: status(stack)["timeouts"] >= 1, 10)
        log = (stack.dir / "log/pool.log").read_text()
        assert "took longer than request_timeout_s" in log


def test_workers_are_recycled():
    with Stack("--set", "max_requests=20", workers=2) as stack:
        client = stack.live
        codes = {client.get("/v1/kyc/verifications?limit=1").status_code for _ in range(200)}
        assert codes == {200}
        assert status(stack)["recycled"] >= 4 and status(stack)["crashes"] == 0


def test_logs_are_reopened(tmp_path):
    log = tmp_path / "pool.log"
    with Stack("--set", f"log={log}", "--no-batch") as stack:
        assert wait_for(log.exists, 5)
        log.rename(tmp_path / "pool.log.1")
        os.kill(stack.pid("pool"), signal.SIGUSR1)
        assert wait_for(log.exists, 5)
        time.sleep(0.5)  # each worker has heard it too
        for _ in range(stack.workers * 10):
            stack.live.get("/v1/keys", headers={"X-Request-Id": "after-rotation"})
        assert wait_for(lambda: log.read_text().count("after-rotation") ==
                        stack.workers * 10, 5)


def test_spawn_fcgi_hands_over_fd_0(fresh_stack):
    """The socket on fd 0, as spawn-fcgi and mod_fcgid give it."""
    stack = fresh_stack
    path = stack.dir / "run/spawned.sock"
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide.fcgi")
    conf = stack.dir / "spawned.conf"
    conf.write_text(open(stack.conf).read().replace("run/status", "run/status2")
                    .replace("pid_file", "# pid_file") + "\nworkers = 1\n"
                    if "workers" not in open(stack.conf).read() else
                    "\n".join(line for line in open(stack.conf).read().splitlines()
                              if not line.startswith(("workers", "pid_file", "status_file")))
                    + f"\nworkers = 1\nstatus_file = {stack.dir}/run/status2\n")
    started = subprocess.run(["spawn-fcgi", "-s", str(path), "-P", str(stack.dir / "run/sp.pid"),
                              "--", program, "-c", str(conf)], capture_output=True, text=True)
    assert started.returncode == 0, started.stdout + started.stderr
    pid = int((stack.dir / "run/sp.pid").read_text())
    try:
        assert wait_for(lambda: fcgi_get(path, "/-/healthz").startswith(b"Status: 200"), 10)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert wait_for(lambda: not os.path.exists(f"/proc/{pid}/exe") or
                    open(f"/proc/{pid}/stat").read().split()[2] == "Z", 10)


def test_systemd_socket_activation(fresh_stack):
    """LISTEN_FDS as systemd passes it: fd 3 of a process with that pid."""
    stack = fresh_stack
    path = stack.dir / "run/activated.sock"
    conf = stack.dir / "activated.conf"
    conf.write_text("\n".join(line for line in open(stack.conf).read().splitlines()
                              if not line.startswith(("workers", "pid_file", "status_file")))
                    + f"\nworkers = 1\nstatus_file = {stack.dir}/run/status3\n")
    program = os.path.join(stack.env["BONAFIDE_BIN"], "bonafide.fcgi")
    import socket
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)
    pid = os.fork()
    if pid == 0:
        os.dup2(listener.fileno(), 3, inheritable=True)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.execv(program, [program, "-c", str(conf)])
    try:
        assert wait_for(lambda: fcgi_get(path, "/-/healthz").startswith(b"Status: 200"), 10)
    finally:
        os.kill(pid, signal.SIGTERM)
        _, code = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(code) == 0
    assert path.exists()  # systemd's socket is not ours to remove
    listener.close()


def fcgi_get(path, uri):
    """One GET by the FastCGI protocol, straight to the socket; the body of FCGI_STDOUT."""
    import socket
    import struct

    def record(kind, content):
        return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content
    pairs = {"REQUEST_METHOD": "GET", "REQUEST_URI": uri, "REMOTE_ADDR": "127.0.0.1"}
    params = b"".join(bytes((len(name), len(value))) + name.encode() + value.encode()
                      for name, value in pairs.items())
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(10)
            wire.connect(str(path))
            wire.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, params) +
                         record(4, b"") + record(5, b""))
            data = b""
            while chunk := wire.recv(65536):
                data += chunk
    except OSError:
        return b""
    out = b""
    while len(data) >= 8:
        _, kind, _, length, padding = struct.unpack(">BBHHBx", data[:8])
        if kind == 6:
            out += data[8:8 + length]
        data = data[8 + length + padding:]
    return out
