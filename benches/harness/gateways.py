"""What is measured: the stand-in upstream by itself, nginx, and the product or whatever runs in its place.

Each is started on a fixed loopback port below the ephemeral range, and answers chat completions at `url` for `token`.
"""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import socket
import sqlite3
import time
from pathlib import Path

from .processes import Failed

HERE = Path(__file__).resolve().parent.parent
CHAT_PATH = "/v1/chat/completions"
KEY_PREFIX = "sk-bench-0123456789abcdef-"
KEYS = [f"{KEY_PREFIX}{number}" for number in range(10)]
IMPORT_BATCH = 10_000
START_SECONDS = 60
PRETENDED_USE = """
    INSERT OR IGNORE INTO key_stats (api_key_id, requests, success, failure, client_gone, input_tokens, output_tokens,
        cached_tokens, cost_nanos, last_used_at)
    SELECT id, abs(random()) % 1000, abs(random()) % 900, abs(random()) % 90, 0, 0, 0, 0, 0,
        created_at - abs(random()) % 100000000 FROM api_keys;
    UPDATE api_keys SET label = 'user' || rowid || '@example.com', label_folded = 'user' || rowid || '@example.com';
    UPDATE api_keys SET
        class = CASE abs(random()) % 3 WHEN 0 THEN 'kimi' WHEN 1 THEN 'general' END,
        checked_at = created_at,
        check_verdict = CASE abs(random()) % 2 WHEN 0 THEN 'valid' ELSE 'unknown' END
    WHERE rowid % 3 > 0;
"""


def free_ports(count):
    """The first free ports of a range that the kernel does not use for outgoing connections."""
    found = []
    for port in range(19_100, 19_300):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Failed("no free ports between 19100 and 19299")


def status_of(port, token, timeout=5.0):
    """The status of one plain completion, or None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    body = json.dumps({"model": "bench", "messages": [{"role": "user", "content": f"probe {time.time_ns()}"}]})
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    try:
        connection.request("POST", CHAT_PATH, body.encode(), headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Gateway:
    """A server in front of the stand-in. Subclasses say how it is started and where its data is."""

    def __init__(self, name, port, token, processes, scratch):
        self.name = name
        self.port = port
        self.token = token
        self.process = None
        self.scratch = scratch
        self._processes = processes

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{CHAT_PATH}"

    def start(self, accepted=(200,)):
        """Starts it and returns the seconds from exec to the first answer whose status is accepted (None: any)."""
        self.process = self._processes.start(self.name, **self._launch(), log=self.scratch / f"{self.name}.log")
        deadline = time.monotonic() + START_SECONDS
        status = None
        while time.monotonic() < deadline:
            status = status_of(self.port, self.token)
            if status is not None and (accepted is None or status in accepted):
                return time.monotonic() - self.process.started_at
            if not self.process.is_running():
                raise Failed(f"{self.name} exited at start:\n{self._log_tail()}")
            time.sleep(0.001)
        raise Failed(f"{self.name} did not answer within {START_SECONDS} s (last status: {status})\n{self._log_tail()}")

    def stop(self):
        if self.process is not None:
            self._processes.stop(self.process)
            self.process = None

    def _log_tail(self):
        return "\n".join(self.process.log.read_text(errors="replace").splitlines()[-10:])


class Upstream(Gateway):
    """The stand-in itself: what a request costs without any gateway."""

    def __init__(self, port, tool, processes, scratch):
        super().__init__("direct", port, KEYS[0], processes, scratch)
        self._tool = tool

    def _launch(self):
        return {"command": [self._tool, f"127.0.0.1:{self.port}", "2"]}

    def uses_per_key(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/keys")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


class Nginx(Gateway):
    def __init__(self, port, upstream, processes, scratch):
        super().__init__("nginx", port, "sk-" + secrets.token_hex(24), processes, scratch)
        self.binary = Path(shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"]))
        text = (HERE / "nginx.conf").read_text()
        values = {
            "UPSTREAM": f"127.0.0.1:{upstream.port}",
            "LISTEN": f"127.0.0.1:{port}",
            "TOKEN": self.token,
            "KEY_PREFIX": KEY_PREFIX,
        }
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        (scratch / "nginx.conf").write_text(text)

    def _launch(self):
        return {"command": [self.binary, "-p", f"{self.scratch}/", "-c", "nginx.conf", "-e", "stderr"]}


class Product(Gateway):
    """The product, or a command in its place that brings its own client token and has no admin API."""

    def __init__(self, port, upstream, processes, scratch, binary=None, command=None, token=None):
        super().__init__("gateway", port, token or "none", processes, scratch)
        self.binary = binary
        self.has_admin_api = token is None
        self._own_token = token
        self._command = ["sh", "-c", f"exec {command}"] if command else [binary, "serve"]
        self._admin_token = secrets.token_hex(24)
        self._upstream = upstream
        self._admin = None
        self._tokens = {}
        self.data_dir = None
        # Options for the next start.
        self.options = {}

    def _launch(self):
        env = {
            "DATA_DIR": str(self.data_dir),
            "LISTEN": f"127.0.0.1:{self.port}",
            "ADMIN_TOKEN": self._admin_token,
            # nginx writes no access log here, so the product does not either; LOG_LEVEL=info benches/run has it with one.
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "warn"),
            "OLLAMA_BASE_URL": f"http://127.0.0.1:{self._upstream.port}",
            "BENCH_KEYS": ",".join(KEYS),
            **self.options,
        }
        return {"command": self._command, "env": env}

    def use(self, name):
        """Chooses the data directory for the next start; an unknown one begins empty."""
        self.data_dir = self.scratch / f"data-{name}"
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        self.token = self._own_token or self._tokens.get(name, "none")

    def prepare(self, name, key_count=len(KEYS)):
        """Fills a new data directory with API keys and a client token, and leaves the gateway stopped."""
        self.use(name)
        if not self.has_admin_api:
            return
        self.start(accepted=None)
        extra = [f"sk-bench-{number:016x}-{number % 10}" for number in range(key_count - len(KEYS))]
        keys = KEYS + extra
        for first in range(0, len(keys), IMPORT_BATCH):
            batch = keys[first : first + IMPORT_BATCH]
            answer = self.admin("/admin/api-keys/import", {"keys": batch, "provider": "ollama"})
            if answer.get("added") != len(batch):
                raise Failed(f"of {len(batch)} keys were imported: {answer}")
        self._tokens[name] = self.token = self.admin("/admin/tokens", {"name": "bench"})["token"]
        self.stop()

    def pretend_use(self):
        """Gives the keys names, statistics, classes and verdicts, as long use would. The gateway must be stopped."""
        with contextlib.closing(sqlite3.connect(self.data_dir / "pool.db")) as database, database:
            database.executescript(PRETENDED_USE)

    def admin(self, path, body=None):
        """One call to the admin API, on a connection that is kept: a POST with a body, a GET without."""
        if self._admin is None:
            self._admin = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._admin_token}"}
        if body is None:
            self._admin.request("GET", path, headers=headers)
        else:
            self._admin.request("POST", path, json.dumps(body).encode(), headers)
        response = self._admin.getresponse()
        answer = response.read()
        if response.status not in (200, 201):
            raise Failed(f"{path} answered {response.status}: {answer[:200]!r}")
        answer = json.loads(answer)
        if answer.get("success") is False:
            raise Failed(f"{path} answered {answer}")
        return answer

    def stop(self):
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        super().stop()
