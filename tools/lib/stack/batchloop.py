# SPDX-License-Identifier: Apache-2.0
"""What cron does on a real machine: bonafide-batch again and again, here the next as soon as one
ends. Ends, with the run under way, on SIGTERM.

    batchloop.py PID_FILE PROGRAM ARGUMENT..."""

import os
import signal
import subprocess
import sys
import time

_QUICK_S = 1.0      # a run that ends sooner has failed at once: do not spin


class _Stop(Exception):
    pass


def _on_stop(_number, _frame):
    raise _Stop


def main(pid_file, argv):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_stop)
    child = None
    try:
        while True:
            began = time.monotonic()
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
            with open(pid_file + ".new", "w", encoding="ascii") as file:
                file.write(f"{child.pid}\n")
            os.rename(pid_file + ".new", pid_file)
            status = child.wait()
            if status != 0:
                print(f"batch-loop: bonafide-batch ended with status {status}", file=sys.stderr,
                      flush=True)
            time.sleep(max(0.0, _QUICK_S - (time.monotonic() - began)))
    except _Stop:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if child and child.poll() is None:
            child.terminate()
            child.wait()
    finally:
        if os.path.exists(pid_file):
            os.unlink(pid_file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
