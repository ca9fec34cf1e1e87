"""Child processes: each in a session of its own, measured through /proc as a whole tree, and ended as one.

Nothing here touches a process that it did not start.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 10


class Failed(Exception):
    """Something that ends the run with one line of explanation."""


def say(what):
    print(f"# {what}", file=sys.stderr, flush=True)


def cargo_build(directory, target):
    say(f"building {directory}")
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", target]
    if subprocess.run(command, cwd=directory, stdout=sys.stderr, timeout=3600).returncode != 0:
        raise Failed(f"cargo build failed in {directory}")


class Process:
    def __init__(self, name, command, log, env=None, cwd=None):
        self.name = name
        self.log = log
        self.started_at = time.monotonic()
        with open(log, "ab") as output:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    def is_running(self):
        return self._child.poll() is None

    def cpu_seconds(self):
        """User and system time of the tree so far, reaped children included."""
        # Fields 14 to 17 of proc_pid_stat(5), counted after the command name.
        return sum(sum(map(int, stat[11:15])) for stat in self._tree().values()) / TICKS_PER_SECOND

    def memory_mib(self):
        """Resident and proportional set size of the tree."""
        sums = {"Rss": 0, "Pss": 0}
        for pid in self._tree():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                name, _, rest = line.partition(":")
                if name in sums:
                    sums[name] += int(rest.split()[0])
        return sums["Rss"] / 1024, sums["Pss"] / 1024

    def open_files(self):
        """Of the process itself."""
        return len(os.listdir(f"/proc/{self._child.pid}/fd"))

    def trim_log(self):
        """A gateway may write a line per request; it appends, so the file can be emptied under it."""
        os.truncate(self.log, 0)

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The group is the child's own, and its id cannot be reused before the child is reaped below.
            if self._child.returncode is None:
                os.killpg(self._child.pid, number)
            try:
                self._child.wait(STOP_SECONDS)
                return
            except subprocess.TimeoutExpired:
                continue

    def _tree(self):
        """The fields of /proc/PID/stat behind the command name, by process id."""
        stats, children = {}, {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                stats[int(entry)] = fields
                children.setdefault(int(fields[1]), []).append(int(entry))
        tree, queue = {}, [self._child.pid]
        while queue:
            pid = queue.pop()
            if pid in stats:
                tree[pid] = stats[pid]
            queue += children.get(pid, [])
        return tree


class Processes:
    """All that run, so that they can be ended together."""

    def __init__(self):
        self._running = []

    def start(self, *args, **kwargs):
        process = Process(*args, **kwargs)
        self._running.append(process)
        return process

    def stop(self, process):
        self._running.remove(process)
        process.stop()

    def stop_all(self):
        while self._running:
            self._running.pop().stop()
