# SPDX-License-Identifier: Apache-2.0
"""The private MariaDB of a stack. It listens on a Unix socket only.

Three identities:
  the person who runs the stack   everything, by the socket's peer credentials: no password
  bonafide_migrate                makes and alters tables of the database bonafide (migrate.conf)
  bonafide                        reads and writes rows there, nothing else (bonafide.conf)
"""

import os
import pwd
import secrets
import subprocess
import time

from . import programs
from .layout import write_private
from .trouble import Trouble

NAME = "bonafide"
APP_USER = "bonafide"
MIGRATE_USER = "bonafide_migrate"

# Durable as in production, so that kill tests prove something; small, so that several fit.
_SERVER = (
    "--skip-networking", "--skip-name-resolve", "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=ON",
    "--transaction-isolation=READ-COMMITTED", "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=64M",
    "--innodb-buffer-pool-dump-at-shutdown=OFF", "--innodb-buffer-pool-load-at-startup=OFF",
    "--max-connections=500", "--plugin-maturity=stable",
)


def admin():
    """The database's administrator has the name of the person who runs the stack."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise Trouble(f"this process's user number {os.geteuid()} has no name on this system",
                      "MariaDB knows people by name: run the stack as a user that is in "
                      "/etc/passwd") from error


def _tmpdir(layout):
    """Of its own: a server that starts removes from its tmpdir what looks like a dead one's temporary
    tables, and in /tmp that may be those of a stack beside this one."""
    return f"--tmpdir={layout.path('run', 'db-tmp')}"


def argv(layout):
    return [programs.find("mariadbd"), "--no-defaults", f"--user={admin()}",
            f"--datadir={layout.db_data}", f"--socket={layout.socket('db.sock')}",
            f"--pid-file={layout.path('run', 'mariadbd.pid')}", _tmpdir(layout), *_SERVER]


def client_argv(layout, *more):
    """The mariadb client as the person who runs the stack."""
    return [programs.find("mariadb", "mysql"), "--no-defaults",
            f"--socket={layout.socket('db.sock')}", f"--user={admin()}",
            "--default-character-set=utf8mb4", *more]


def create(layout):
    """Makes the data directory, unless a complete one is there."""
    os.makedirs(layout.path("run", "db-tmp"), mode=0o700, exist_ok=True)
    done = os.path.join(layout.db_data, "bonafide-stack-ready")
    if os.path.exists(done):
        return
    if os.path.isdir(layout.db_data):
        raise Trouble(f"{layout.db_data} was left half made by an interrupted start",
                      f"remove it (rm -r {layout.db_data}) and start again")
    log = layout.log("db")
    programs.run([programs.find("mariadb-install-db", "mysql_install_db"), "--no-defaults",
                  f"--user={admin()}", f"--datadir={layout.db_data}", _tmpdir(layout),
                  "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=64M",
                  "--auth-root-authentication-method=socket",
                  f"--auth-root-socket-user={admin()}"], "making the database", log)
    with open(done, "w", encoding="ascii"):
        pass


def wait(layout, proc, patience_s=60.0):
    """Waits until it answers."""
    until = time.monotonic() + patience_s
    ping = client_argv(layout, "--connect-timeout=2", "-e", "SELECT 1")
    while True:
        if os.path.exists(layout.socket("db.sock")) and subprocess.run(
                ping, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return
        if not proc.running():
            raise Trouble("the database did not start", log=layout.log("db"))
        if time.monotonic() > until:
            raise Trouble(f"the database does not answer after {patience_s:.0f} s",
                          log=layout.log("db"))
        time.sleep(0.05)


def accounts(layout):
    """Makes the database and its two users; harmless when they are there."""
    words = {}
    for user, path in ((APP_USER, layout.db_password), (MIGRATE_USER, layout.migrate_password)):
        if not os.path.exists(path):
            write_private(path, secrets.token_hex(24) + "\n")
        with open(path, encoding="ascii") as file:
            words[user] = file.read().strip()
    sql = [f"CREATE DATABASE IF NOT EXISTS {NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"]
    for user, rights in ((APP_USER, "SELECT, INSERT, UPDATE, DELETE"),
                         (MIGRATE_USER, "ALL PRIVILEGES")):
        sql += [f"CREATE USER IF NOT EXISTS {user}@localhost",
                f"ALTER USER {user}@localhost IDENTIFIED BY '{words[user]}'",
                f"GRANT {rights} ON {NAME}.* TO {user}@localhost"]
    # Through stdin: a command line can be read by every user of the machine.
    done = subprocess.run(client_argv(layout), input=";\n".join(sql) + ";\n", text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"making the database's users failed: {done.stderr.strip()}",
                      log=layout.log("db"))
