# SPDX-License-Identifier: Apache-2.0
"""Between the pool and its database, so that something can happen at the very moment of a commit."""

import os
import socket
import struct
import threading

COMMIT = b"\x07\x00\x00\x00\x03COMMIT"  # a whole packet: its length, number 0, COM_QUERY, the text


def hang_up(connection):
    """Not close() alone: another thread that reads from it would keep it open."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


class CommitProxy:
    """Listens on a Unix socket and hands everything on to the server's.

    at_commit, when set, is called once with (worker's process id, send): the COMMIT has been taken from
    the worker and goes to the server when send() is called, or never. From then on nothing that the
    server says on that connection reaches the worker.
    """

    def __init__(self, path, server):
        self.path, self.server, self.at_commit = str(path), server, None
        self.lock, self.failure = threading.Lock(), None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen(64)

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        os.unlink(self.path)

    def _accept(self):
        while True:
            try:
                worker, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(worker,), daemon=True).start()

    def _connect(self, worker):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.server)
        except OSError:
            worker.close()
            return
        deaf = threading.Event()
        threading.Thread(target=self._from_server, args=(server, worker, deaf),
                         daemon=True).start()
        self._from_worker(worker, server, deaf)

    @staticmethod
    def _from_server(server, worker, deaf):
        try:
            while data := server.recv(65536):
                if not deaf.is_set():
                    worker.sendall(data)
        except OSError:
            pass
        hang_up(worker)

    def _take(self):
        with self.lock:
            wanted, self.at_commit = self.at_commit, None
        return wanted

    def _from_worker(self, worker, server, deaf):
        pid = struct.unpack("3i", worker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        try:
            while data := worker.recv(65536):
                wanted = self._take() if data.endswith(COMMIT) and self.at_commit else None
                if wanted is None:
                    server.sendall(data)
                    continue
                deaf.set()
                server.sendall(data[:-len(COMMIT)])
                wanted(pid, lambda: server.sendall(COMMIT))
        except OSError:
            pass
        except BaseException as trouble:  # told by the test, which is in another thread
            self.failure = trouble
        hang_up(worker)
        hang_up(server)
