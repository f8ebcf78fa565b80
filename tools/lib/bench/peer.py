# SPDX-License-Identifier: Apache-2.0
"""The PHP-FPM peer: the same requests on the same database, behind an nginx of its own."""

import glob
import hashlib
import hmac
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "tests/bench/peer.php"
PEPPER = "a pepper of the peer's own"
KEY = "dme_live_peer"

FPM = """[global]
error_log = {dir}/fpm.log
daemonize = no
[peer]
listen = {dir}/fpm.sock
listen.backlog = 511
{fpm_user}
pm = static
pm.max_children = {workers}
pm.max_requests = 0
php_admin_value[opcache.enable] = 1
php_admin_value[opcache.validate_timestamps] = 0
"""

NGINX = """worker_processes auto;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
{nginx_user}
events {{ worker_connections 1024; }}
http {{
	access_log {dir}/access.log;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
	uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
	keepalive_requests 1000000;
	server {{
		listen 127.0.0.1:{port};
		location / {{
			fastcgi_pass unix:{dir}/fpm.sock;
			fastcgi_param SCRIPT_FILENAME {script};
			fastcgi_param REQUEST_METHOD $request_method;
			fastcgi_param REQUEST_URI $request_uri;
			fastcgi_param CONTENT_TYPE $content_type;
			fastcgi_param CONTENT_LENGTH $content_length;
			fastcgi_param PEER_PEPPER "{pepper}";
			fastcgi_param PEER_SOCKET {socket};
			fastcgi_param PEER_USER {db_user};
			fastcgi_param PEER_PASSWORD "{db_password}";
		}}
	}}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fpm_program():
    found = shutil.which("php-fpm") or next(iter(sorted(glob.glob("/usr/sbin/php-fpm[0-9]*"))), None)
    if not found:
        raise SystemExit("bench: php-fpm is missing; tools/deps bench installs it")
    return found


class Peer:
    def __init__(self, stack, workers):
        self.stack, self.workers = stack, workers
        self.dir = stack.dir / "peer"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = KEY
        self.started = []

    def __enter__(self):
        self.dir.mkdir(exist_ok=True)
        self.install_key()
        values = self.settings()
        (self.dir / "fpm.conf").write_text(FPM.format(**values))
        (self.dir / "nginx.conf").write_text(NGINX.format(**values))
        root = ["-R"] if os.geteuid() == 0 else []
        self.start([fpm_program(), "-F", "-y", str(self.dir / "fpm.conf"), *root])
        self.start(["nginx", "-c", str(self.dir / "nginx.conf"), "-p", str(self.dir),
                    "-g", "daemon off;"])
        self.wait()
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def settings(self):
        conf = dict(line.split(" = ", 1) for line in Path(self.stack.conf).read_text().splitlines()
                    if " = " in line and not line.startswith("#"))
        root = os.geteuid() == 0
        return {"dir": self.dir, "workers": self.workers, "port": self.port, "script": SCRIPT,
                "pepper": PEPPER, "socket": conf["db_socket"], "db_user": conf["db_user"],
                "db_password": Path(conf["db_password_file"]).read_text().strip(),
                "fpm_user": "user = root\ngroup = root" if root else "",
                "nginx_user": "user root;" if root else ""}

    def start(self, command):
        with open(self.dir / "out.log", "ab") as log:
            self.started.append(subprocess.Popen(command, stdout=log, stderr=log,
                                                 stdin=subprocess.DEVNULL))

    def wait(self):
        import requests
        end = time.monotonic() + 15
        while True:
            try:
                answer = requests.get(self.url + "/v1/kyc/verifications/" + "0" * 32, timeout=5,
                                      headers={"Authorization": "Bearer " + KEY})
                if answer.status_code == 404:
                    return
                problem = f"{answer.status_code}: {answer.text[:300]}"
            except requests.RequestException as error:
                problem = str(error)
            if time.monotonic() > end:
                raise SystemExit(f"bench: the peer does not answer: {problem}; see {self.dir}")
            time.sleep(0.1)

    def install_key(self):
        """A key of the peer's, for the stack's application, under the peer's own pepper."""
        digest = hmac.new(PEPPER.encode(), KEY.encode(), hashlib.sha256).hexdigest()
        self.stack.rows(
            "INSERT IGNORE INTO api_key (id, application_id, kind, environment, name, prefix, last4, "
            "hash, scopes, created_at) SELECT UNHEX(REPEAT('01', 16)), application_id, kind, 'live', "
            f"'peer', 'peer', 'peer', UNHEX('{digest}'), scopes, created_at FROM api_key "
            "WHERE environment = 'live' LIMIT 1")
