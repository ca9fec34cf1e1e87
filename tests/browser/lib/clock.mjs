// The time of a server's process, so that it can have a past. Needs libfaketime, which tests/browser/screenshots finds.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class ShiftedClock {
  #directory = "";

  /** Stands at so many seconds ago; `library` is the path of libfaketime. */
  static async of(library, secondsAgo = 0) {
    const clock = new ShiftedClock();
    clock.#directory = await mkdtemp(join(tmpdir(), "browser-clock-"));
    clock.options = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: join(clock.#directory, "offset"),
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    await clock.set(secondsAgo);
    return clock;
  }

  /** From now on it is so many seconds ago, for every server that was started with `options`. */
  async set(secondsAgo) {
    await writeFile(this.options.FAKETIME_TIMESTAMP_FILE, `-${secondsAgo}\n`);
  }

  async close() {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
