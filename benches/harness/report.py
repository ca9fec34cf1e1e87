"""Records to Markdown.

Ratios are taken within a round, to nginx in that round; medians, minima and maxima are over the rounds.
"""

import statistics


def report(records, environment, pick_lines):
    parts = [f"Measured on {environment}.", _nonstream(records), _stream(records), _ttfb(records), _slow(records)]
    parts += [_idle(records), _start(records), _admin(records), _lists(records), _imports(records)]
    parts += [_greedy(records)]
    parts += [_pick(pick_lines), _cheapness(records)]
    return "\n\n".join(part for part in parts if part)


def _nonstream(records):
    rows = []
    for connections in sorted({record["connections"] for record in _of(records, "nonstream")}):
        compared = _against_nginx(records, "nonstream", "per_cpu_second", 0, connections=connections)
        rows.append([str(connections), *compared])
    head = ["connections", "nginx", "gateway", "× nginx", "min", "max", "failed"]
    return _table("Plain answers of 600 bytes: requests per CPU-second", head, rows)


def _stream(records):
    rows = [["16", *_against_nginx(records, "stream", "per_cpu_second", 1)]] if _of(records, "stream") else []
    head = ["connections", "nginx", "gateway", "× nginx", "min", "max", "failed"]
    return _table("Streams of 100 chunks without delay: whole streams per CPU-second", head, rows)


def _ttfb(records):
    direct = _per_round(records, "ttfb", "direct", "first_us_p50")
    nginx = _per_round(records, "ttfb", "nginx", "first_us_p50")
    rows = []
    for name in ("nginx", "gateway"):
        own = _per_round(records, "ttfb", name, "first_us_p50")
        if own:
            added = [own[number] - direct[number] for number in own]
            beyond = [own[number] - nginx[number] for number in own]
            cells = [_number(statistics.median(own.values())), *_spread(added, 0), *_spread(beyond, 0)]
            rows.append([name, *cells, str(_failed(records, "ttfb", name))])
    head = ["", "p50", "added to direct", "min", "max", "added to nginx", "min", "max", "failed"]
    return _table("Time to first chunk, one unloaded connection, µs", head, rows)


def _slow(records):
    rows = []
    for name in ("nginx", "gateway"):
        own = _of(records, "slow", name)
        if own:
            refused, broken = (sum(record[key] for record in own) for key in ("refused", "broken"))
            medians = [_median(own, key, 1) for key in ("rss_before", "rss_peak", "pss_peak")]
            cpu = _spread([record["cpu"] for record in own], 2)
            ratio = _spread(_ratios(records, "slow", "cpu", name), 2)
            rows.append([name, str(refused), str(broken), *cpu, *ratio, *medians])
    head = ["", "refused", "broken", "CPU s", "min", "max", "× nginx", "min", "max"]
    head += ["RSS before", "RSS peak", "PSS peak"]
    return _table("1,000 streams at once, 50 chunks 100 ms apart; MiB", head, rows)


def _idle(records):
    rows = []
    for name in ("nginx", "gateway"):
        own = _of(records, "idle", name)
        if own:
            medians = [_median(own, key, 1) for key in ("rss", "pss")]
            size = own[0]["binary_mib"]
            rows.append([name, *medians, _median(own, "cpu_per_second", 3), _number(size, 1) if size else "–"])
    return _table("Idle after one request: MiB, CPU seconds per second", ["", "RSS", "PSS", "CPU", "binary"], rows)


def _start(records):
    rows = []
    titles = {
        "nginx": "nginx",
        "empty": "gateway, empty",
        "ten keys": "gateway, 10 keys",
        "many keys": "gateway, 100,000 keys",
    }
    for case, title in titles.items():
        own = [record["seconds"] * 1e3 for record in _of(records, "start") if record["case"] == case]
        if own:
            rows.append([title, *_spread(own, 1)])
    return _table("From exec to the first answer, ms", ["", "median", "min", "max"], rows)


def _admin(records):
    rows = []
    for what in ("key", "token"):
        own = [record for record in _of(records, "admin") if record["what"] == what]
        if own:
            p50, p99 = (_spread([record[key] for record in own], 2) for key in ("p50_ms", "p99_ms"))
            rows.append([what, *p50, *p99])
    return _table("Creating one beside 100,000 keys, ms", ["", "p50", "min", "max", "p99", "min", "max"], rows)


def _lists(records):
    """The slowest filter and page of each order."""
    rows = []
    for sort in dict.fromkeys(record["sort"] for record in _of(records, "lists")):
        own = _of(records, "lists", sort=sort)
        slowest = [
            max(record["ms"] for record in own if record["round"] == number)
            for number in sorted({record["round"] for record in own})
        ]
        rows.append([sort, *_spread(slowest, 1)])
    title = "A page of 100 of 100,000 keys, the slowest of all filters, ms"
    return _table(title, ["order", "median", "min", "max"], rows)


def _imports(records):
    own = _of(records, "imports")
    if not own:
        return ""
    failed = _failed(records, "imports", "gateway")
    rows = [
        ["seconds", *_spread([record["seconds"] for record in own], 1)],
        ["resident before, MiB", *_spread([record["rss_before"] for record in own], 0)],
        ["resident after, MiB", *_spread([record["rss_after"] for record in own], 0)],
        ["requests before, p50 µs", *_spread([record["p50_us_before"] for record in own], 0)],
        ["requests during, p50 µs", *_spread([record["p50_us_during"] for record in own], 0)],
        ["requests before, p99 µs", *_spread([record["p99_us_before"] for record in own], 0)],
        ["requests during, p99 µs of the worst second", *_spread([record["p99_us_during"] for record in own], 0)],
        ["requests that failed", str(failed), "", ""],
    ]
    title = f"Importing {own[0]['mb']:.1f} MB of 100,000 lines while four connections send requests"
    return _table(title, ["", "median", "min", "max"], rows)


def _pick(lines):
    rows = []
    for line in lines:
        fields = dict(field.split("=", 1) for field in line.split()[1:] if "=" in field)
        rows.append([fields.get(name, "–") for name in ("keys", "resting", "ns")])
    return _table("Picking a key, in process", ["keys", "resting", "ns"], rows)


def _cheapness(records):
    """What the bench itself cost, to show that it did not set the limit."""
    own = [record for record in _of(records, "nonstream", "nginx") if record["connections"] == 64]
    if not own:
        return ""

    def per_request(key):
        return statistics.median(record[key] / max(record["good"], 1) * 1e6 for record in own)

    upstream, client = per_request("upstream_cpu"), per_request("client_cpu")
    return f"CPU per plain request at 64 connections: stand-in {upstream:.1f} µs, load client {client:.1f} µs."


def _against_nginx(records, test, key, digits, **where):
    medians = [
        _number(statistics.median(_per_round(records, test, name, key, **where).values()), digits)
        for name in ("nginx", "gateway")
    ]
    failed = _failed(records, test, "gateway", **where)
    return [*medians, *_spread(_ratios(records, test, key, "gateway", **where), 2), str(failed)]


def _ratios(records, test, key, name, **where):
    own, nginx = (_per_round(records, test, one, key, **where) for one in (name, "nginx"))
    return [own[number] / nginx[number] for number in own if nginx.get(number)]


def _per_round(records, test, name, key, **where):
    return {record["round"]: record[key] for record in _of(records, test, name, **where)}


def _failed(records, test, name, **where):
    return sum(record["refused"] + record["broken"] for record in _of(records, test, name, **where))


def _greedy(records):
    rows = []
    for crowd in dict.fromkeys(record["crowd"] for record in _of(records, "greedy")):
        own = _of(records, "greedy", crowd=crowd)
        memory = [_median(own, key, 1) for key in ("rss_before", "rss_peak")]
        keys = [f"{quantile}_us_{when}" for quantile in ("p50", "p99") for when in ("before", "during")]
        times = [_median(own, key, 0) for key in keys]
        rows.append([crowd, *memory, *times, str(_failed(records, "greedy", "gateway", crowd=crowd))])
    head = ["", "RSS before", "RSS peak", "p50 before", "meanwhile", "p99 before", "meanwhile", "failed"]
    return _table("Clients that take what they can get, beside one that does not: MiB, µs", head, rows)


def _of(records, test, name=None, **where):
    return [
        record
        for record in records
        if record["test"] == test
        and name in (None, record["gateway"])
        and all(record[key] == value for key, value in where.items())
    ]


def _median(records, key, digits):
    return _number(statistics.median(record[key] for record in records), digits)


def _spread(values, digits):
    if not values:
        return ["–"] * 3
    return [_number(value, digits) for value in (statistics.median(values), min(values), max(values))]


def _number(value, digits=0):
    return f"{value:,.{digits}f}"


def _table(title, head, rows):
    if not rows:
        return ""
    lines = [f"### {title}", "", _row(head), _row(["---", *["---:"] * (len(head) - 1)]), *map(_row, rows)]
    return "\n".join(lines)


def _row(cells):
    return f"| {' | '.join(cells)} |"
