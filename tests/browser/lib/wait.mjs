// Every wait in these tests has this bound, and says what it waited for.

import { setTimeout as pause } from "node:timers/promises";

export const WAIT_MS = 10_000;

/**
 * What a promise gives; when that takes too long, an error that names it.
 * @template T
 * @param {string | (() => string)} what
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function within(what, promise) {
  const over = new AbortController();
  const late = pause(WAIT_MS, undefined, { signal: over.signal }).then(
    () => { throw new Error(`waited ${WAIT_MS} ms for ${typeof what === "string" ? what : what()}`); },
    () => new Promise(() => {}),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}

/**
 * Asks again until the answer is truthy, and gives it.
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} look
 * @returns {Promise<T>}
 */
export async function eventually(what, look) {
  for (const end = Date.now() + WAIT_MS; ;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`waited ${WAIT_MS} ms for ${what}`);
    await pause(20);
  }
}
