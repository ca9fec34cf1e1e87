"""Clients that take what they can get: they say nothing, drip, read nothing, or upload without end.

Each is a context manager: the crowd is complete inside, goes on as it does there, and is gone afterwards.
"""

import contextlib
import http.client
import json
import resource
import socket
import threading
import time

from .gateways import CHAT_PATH
from .processes import Failed

SILENT = 10_000
CROWD = 1_000
ENDLESS = "bench-1000000000x0"
UPLOADS = 4
UPLOAD_BYTES = 60_000_000
SPARE_FILES = 500
BACKLOG = 128
QUIET_SECONDS = 60


@contextlib.contextmanager
def silent(gateway):
    """Connections that send nothing."""
    with _connections(gateway, SILENT):
        yield


@contextlib.contextmanager
def idle(gateway):
    """Connections that are idle after a request each."""
    with _connections(gateway, SILENT) as sockets:
        for one in sockets:
            one.sendall(_head(gateway) + _body())
            if not one.recv(4096).startswith(b"HTTP/1.1 200"):
                raise Failed("a client that is idle later was not answered")
        yield


@contextlib.contextmanager
def dripping_bodies(gateway):
    """Uploads of a byte every five seconds."""
    with _connections(gateway, CROWD, _head(gateway, 1_000_000) + b'{"model":"') as sockets, _every(5, sockets, b"x"):
        yield


@contextlib.contextmanager
def dripping_heads(gateway):
    """Heads of a line every two seconds."""
    start = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: bench\r\n".encode()
    with _connections(gateway, CROWD, start) as sockets, _every(2, sockets, b"x: y\r\n"):
        yield


@contextlib.contextmanager
def unread_streams(gateway):
    """Clients that read nothing of a stream without end."""
    body = _body(model=ENDLESS, stream=True)
    with _connections(gateway, CROWD, _head(gateway, len(body)) + body):
        _wait_until_quiet(gateway.process)
        yield


@contextlib.contextmanager
def large_uploads(gateway):
    """A few uploads of 60 MB at a time, again and again."""
    body = _body(text="x" * UPLOAD_BYTES)
    is_over = threading.Event()
    statuses = []

    def upload():
        while not is_over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
            connection.request("POST", CHAT_PATH, body, {"authorization": f"Bearer {gateway.token}"})
            statuses.append(connection.getresponse().status)
            connection.close()

    threads = [threading.Thread(target=upload) for _ in range(UPLOADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    if set(statuses) != {200}:
        raise Failed(f"large uploads were answered {sorted(set(statuses))}")


CROWDS = (silent, idle, dripping_bodies, dripping_heads, unread_streams, large_uploads)
# What would keep most of them out, and is switched off to see what else there is.
UNLIMITED = {"MAX_CONNECTIONS": "0", "MAX_CONNECTIONS_PER_IP": "0", "MAX_BODY_SIZE": "64MiB"}


def _wait_until_quiet(process):
    """Until all that is between an upstream and its clients is full, and nothing flows any more."""
    deadline = time.monotonic() + QUIET_SECONDS
    spent = process.cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(1)
        before, spent = spent, process.cpu_seconds()
        if spent - before < 0.05:
            return
    raise Failed(f"streams that nobody reads flow still after {QUIET_SECONDS} s")


@contextlib.contextmanager
def _connections(gateway, count, first=b""):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < count + SPARE_FILES:
        raise Failed(f"{count} connections need a higher limit of open files")
    with contextlib.ExitStack() as stack:
        sockets = []
        for number in range(count):
            sockets.append(stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=10)))
            sockets[-1].sendall(first)
            if number % BACKLOG == BACKLOG - 1:
                # For the listener to keep up.
                time.sleep(0.005)
        yield sockets


@contextlib.contextmanager
def _every(seconds, sockets, data):
    """Sends this on all of them, now and again."""
    is_over = threading.Event()

    def drip():
        while not is_over.wait(seconds):
            for one in sockets:
                # Who was thrown out has no more to say.
                with contextlib.suppress(OSError):
                    one.sendall(data)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _head(gateway, length=None):
    length = len(_body()) if length is None else length
    head = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {gateway.token}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n".encode()


def _body(model="bench", text="hello", **more):
    return json.dumps({"model": model, **more, "messages": [{"role": "user", "content": text}]}).encode()
