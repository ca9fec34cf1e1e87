"""The measurements. Each round measures every gateway once, in an order of its own, and yields one record for each.

CPU time is that of a gateway's whole process tree: it holds up where others use the machine too, which wall-clock rates
do not.
"""

import itertools
import json
import random
import resource
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from .greedy import CROWDS, UNLIMITED
from .processes import Failed

CONNECTIONS = (1, 16, 64, 256)
NO_DELAY = "bench-100x0"
TWO_CHUNKS = "bench-2x10"
SLOW = "bench-50x100"
SLOW_STREAMS = 1_000
MANY_KEYS = 100_000
CREATION_COUNT = 200
CREATIONS = {
    "key": ("/admin/api-keys", lambda name: {"api_key": f"sk-{name}", "provider": "ollama"}),
    "token": ("/admin/tokens", lambda name: {"name": name}),
}
PAGE_SIZE = 100
PAGE_REPEATS = 15
SORTS = ("created", "label", "status", "expires", "lastUsed", "requests", "failures", "successRate")
FILTERS = ("", "status=active", "status=failed", "class=kimi", "verdict=never", "search=user1", "search=of-none")
PAGES = ("order=desc&page=1", "order=asc&page=100000")
LINES = 100_000
IMPORT_CONNECTIONS = 4
# Beyond what was asked for, a measurement may take this long before what is still open counts as broken.
GRACE_SECONDS = 20


class Bench:
    def __init__(self, load_tool, upstream, nginx, product, rounds, seconds):
        self._load_tool = load_tool
        self.upstream = upstream
        self.nginx = nginx
        self.product = product
        self.rounds = rounds
        self.seconds = seconds

    def load(self, gateway, connections, *options):
        command = [self._load_tool, gateway.url, gateway.token, str(connections), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Failed(f"load client: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def timed(self, gateway, connections, model=None, seconds=None):
        """Load for a while, with the CPU time that everyone spent on it and how the keys were used."""
        seconds = seconds or self.seconds
        options = [f"seconds={seconds}", f"limit={seconds + GRACE_SECONDS}"] + ([f"model={model}"] if model else [])
        return self._accounted(gateway, lambda: self.load(gateway, connections, *options))

    def _accounted(self, gateway, run):
        gateway.process.trim_log()
        keys = self.upstream.uses_per_key()
        meters = {
            "client_cpu": _children_cpu,
            "cpu": gateway.process.cpu_seconds,
            "upstream_cpu": self.upstream.process.cpu_seconds,
        }
        before = {name: read() for name, read in meters.items()}
        result = run()
        result |= {name: round(read() - before[name], 6) for name, read in meters.items()}
        result["per_cpu_second"] = result["good"] / max(result["cpu"], 0.01)
        result["keys"] = [after - before for before, after in zip(keys, self.upstream.uses_per_key())]
        return result

    def check(self):
        """Refuses to measure a gateway that does not do the job: token check, whole streams, all keys in use."""
        for gateway in (self.upstream, self.nginx, self.product):
            own, gateway.token = gateway.token, "sk-someone-else"
            refused = self.load(gateway, 1, "each=1")["refused"]
            gateway.token = own
            used = self.upstream.uses_per_key()
            plain = self.load(gateway, 2, "each=100")
            stream = self.load(gateway, 2, "each=20", "model=bench-20x1")
            used = [after - before for before, after in zip(used, self.upstream.uses_per_key())]
            if refused != 1 or plain["good"] != 200 or stream["good"] != 40:
                raise Failed(f"{gateway.name} fails the check: unknown token refused: {refused}, {plain}, {stream}")
            if gateway is not self.upstream and min(used) == 0:
                raise Failed(f"{gateway.name} fails the check: a key is never used: {used}")

    def start_all(self):
        """Both gateways, checked and warm, with ten keys."""
        self.product.use("ten")
        for gateway in (self.nginx, self.product):
            gateway.start()
        self.check()
        for gateway in (self.nginx, self.product):
            self.load(gateway, 64, "seconds=0.5")
            self.load(gateway, 16, "seconds=0.5", f"model={NO_DELAY}")

    def nonstream(self):
        for number in range(self.rounds):
            for connections in CONNECTIONS:
                for gateway in self._shuffled(f"nonstream {number} {connections}"):
                    values = self.timed(gateway, connections)
                    yield record("nonstream", gateway, number, values, connections=connections)

    def stream(self):
        for number in range(self.rounds):
            for gateway in self._shuffled(f"stream {number}"):
                yield record("stream", gateway, number, self.timed(gateway, 16, NO_DELAY), connections=16)

    def ttfb(self):
        for number in range(self.rounds):
            for gateway in self._shuffled(f"ttfb {number}", self.upstream):
                yield record("ttfb", gateway, number, self.timed(gateway, 1, TWO_CHUNKS), connections=1)

    def slow(self):
        for number in range(self.rounds):
            for gateway in self._shuffled(f"slow {number}"):
                yield record("slow", gateway, number, self._accounted(gateway, lambda: self._slow(gateway)))

    def _slow(self, gateway):
        limit = 5 + GRACE_SECONDS
        command = [self._load_tool, gateway.url, gateway.token, str(SLOW_STREAMS)]
        command += ["each=1", f"model={SLOW}", f"limit={limit}"]
        rss, pss = before = gateway.process.memory_mib()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            try:
                deadline = time.monotonic() + limit + 10
                while client.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.25)
                    now = gateway.process.memory_mib()
                    rss, pss = max(rss, now[0]), max(pss, now[1])
            finally:
                client.kill()
            result = json.loads(client.stdout.read() or "null")
        if result is None:
            raise Failed("load client: no result of the slow streams")
        return result | {"rss_before": before[0], "pss_before": before[1], "rss_peak": rss, "pss_peak": pss}

    def start(self):
        """From exec to the first answer. The gateways must be stopped; they are stopped again afterwards."""
        cases = [("nginx", self.nginx, None, (200,)), ("ten keys", self.product, "ten", (200,))]
        if self.product.has_admin_api:
            cases.append(("many keys", self.product, "many", (200,)))
        for number in range(self.rounds):
            for case, gateway, data, accepted in cases:
                if data:
                    self.product.use(data)
                yield record("start", gateway, number, {"seconds": _started(gateway, accepted)}, case=case)
            if self.product.has_admin_api:
                # Nothing is configured yet, so the answer can only be a refusal; it still comes from the whole server.
                self.product.use(f"empty-{number}")
                yield record("start", self.product, number, {"seconds": _started(self.product, None)}, case="empty")

    def idle(self):
        """Memory and CPU of a gateway that has answered one request. The gateways must be stopped; they are again."""
        self.product.use("ten")
        for number in range(self.rounds):
            for gateway in self._shuffled(f"idle {number}"):
                gateway.start()
                try:
                    time.sleep(1)
                    cpu = gateway.process.cpu_seconds()
                    time.sleep(1)
                    rss, pss = gateway.process.memory_mib()
                    values = {"rss": rss, "pss": pss, "cpu_per_second": gateway.process.cpu_seconds() - cpu}
                finally:
                    gateway.stop()
                size = gateway.binary.stat().st_size / 1024**2 if gateway.binary else None
                yield record("idle", gateway, number, values | {"binary_mib": size})

    def admin(self):
        """Creating keys and tokens beside many others. The product must be stopped; it is again."""
        self.product.use("many")
        self.product.start()
        try:
            for number in range(self.rounds):
                for what, (path, body) in CREATIONS.items():
                    names = [f"bench-new-{number}-{serial}" for serial in range(CREATION_COUNT)]
                    times = sorted(self._ms(path, body(name)) for name in names)
                    values = {"p50_ms": statistics.median(times), "p99_ms": times[CREATION_COUNT * 99 // 100]}
                    yield record("admin", self.product, number, values, what=what, count=CREATION_COUNT)
        finally:
            self.product.stop()

    def lists(self):
        """Pages of many keys: each order with each filter, the first page and the last. The product must be stopped."""
        self.product.use("many")
        self.product.pretend_use()
        self.product.start()
        try:
            for number, sort, matching, page in itertools.product(range(self.rounds), SORTS, FILTERS, PAGES):
                path = f"/admin/api-keys?sort={sort}&pageSize={PAGE_SIZE}&{page}&{matching}"
                values = {"ms": statistics.median(self._ms(path) for _ in range(PAGE_REPEATS))}
                yield record("lists", self.product, number, values, sort=sort, filter=matching, page=page)
        finally:
            self.product.stop()

    def imports(self):
        """A long list with faults, while clients are served. The product must be stopped; it is again."""
        for number in range(self.rounds):
            lines, expected = import_lines(random.Random(number))
            body = {"content": "\n".join(lines)}
            self.product.prepare(f"import-{number}")
            self.product.start()
            try:
                before = self.timed(self.product, IMPORT_CONNECTIONS)
                rss_before = self.product.process.memory_mib()[0]
                with ThreadPoolExecutor(1) as importer:
                    importing = importer.submit(self._import, body)
                    during = [self.timed(self.product, IMPORT_CONNECTIONS, seconds=1)]
                    while not importing.done():
                        during.append(self.timed(self.product, IMPORT_CONNECTIONS, seconds=1))
                    seconds, answer = importing.result()
                reported = {name: answer[name] for name in expected}
                if reported != expected:
                    raise Failed(f"the import reports {reported} and should {expected}")
                values = {
                    "seconds": seconds,
                    "mb": len(body["content"]) / 1e6,
                    "rss_before": rss_before,
                    "rss_after": self.product.process.memory_mib()[0],
                    "refused": sum(second["refused"] for second in during),
                    "broken": sum(second["broken"] for second in during),
                    "p50_us_before": before["whole_us_p50"],
                    "p99_us_before": before["whole_us_p99"],
                    "p50_us_during": statistics.median(second["whole_us_p50"] for second in during),
                    "p99_us_during": max(second["whole_us_p99"] for second in during),
                }
                yield record("imports", self.product, number, values)
            finally:
                self.product.stop()

    def greedy(self):
        """A well-behaved client beside many who are not. The product must be stopped; it is again."""
        self.product.use("ten")
        self.product.options = UNLIMITED
        try:
            for number, crowd in itertools.product(range(self.rounds), CROWDS):
                self.product.start()
                try:
                    before = self.timed(self.product, 1)
                    rss = rss_before = self.product.process.memory_mib()[0]
                    with crowd(self.product), ThreadPoolExecutor(1) as client:
                        measuring = client.submit(self.timed, self.product, 1)
                        while not measuring.done():
                            rss = max(rss, self.product.process.memory_mib()[0])
                            time.sleep(0.25)
                        during = measuring.result()
                    values = {"rss_before": rss_before, "rss_peak": rss}
                    values |= {"refused": during["refused"], "broken": during["broken"]}
                    for quantile in ("p50", "p99"):
                        values[f"{quantile}_us_before"] = before[f"whole_us_{quantile}"]
                        values[f"{quantile}_us_during"] = during[f"whole_us_{quantile}"]
                    yield record("greedy", self.product, number, values, crowd=crowd.__doc__)
                finally:
                    self.product.stop()
        finally:
            self.product.options = {}

    def _import(self, body):
        started = time.perf_counter()
        answer = self.product.admin("/admin/api-keys/import-from-txt", body)
        return time.perf_counter() - started, answer

    def _ms(self, path, body=None):
        started = time.perf_counter()
        self.product.admin(path, body)
        return (time.perf_counter() - started) * 1e3

    def _shuffled(self, seed, *more):
        """The gateways in an order that differs between rounds but not between runs."""
        gateways = [self.nginx, self.product, *more]
        random.Random(seed).shuffle(gateways)
        return gateways


def import_lines(dice):
    """A list as people have them, with keys that come twice and lines that are no keys, and what it has to yield."""
    keys, lines = [], []
    counts = {"added": 0, "duplicates": 0, "refused": 0, "skipped": 0, "total": LINES}
    for number in range(LINES):
        kind = dice.random()
        if kind < 0.05 and keys:
            lines.append(dice.choice(keys))
            counts["duplicates"] += 1
        elif kind < 0.10:
            lines.append("no key has spaces in it, nor so little of anything else")
            counts["refused"] += 1
        elif kind < 0.12:
            lines.append("")
            counts["skipped"] += 1
        else:
            keys.append(f"user{number}@example.com----sk-bench-{dice.getrandbits(256):064x}-{number % 10}")
            lines.append(keys[-1])
            counts["added"] += 1
    return lines, counts


def record(test, gateway, number, values, **more):
    return {"test": test, "gateway": gateway.name, "round": number, **more, **values}


def _started(gateway, accepted):
    try:
        return gateway.start(accepted)
    finally:
        gateway.stop()


def _children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
