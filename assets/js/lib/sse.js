// @ts-check
// Server-sent events out of the bytes of an answer (HTML Living Standard, 9.2.6), however those bytes are cut: inside of a
// character, of a line end, or of an event. What stands behind the last blank line is no event.

/** @typedef {{ event: string, data: string }} SseEvent */

export class SseReader {
  // It holds back the part of a character that is still to come, and takes a byte order mark away.
  #decoder = new TextDecoder();
  #line = "";
  #isAfterReturn = false;
  #event = "";
  /** @type {string[]} */
  #data = [];

  /** The events that are complete with these bytes. @param {Uint8Array} bytes @returns {SseEvent[]} */
  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (!text) return [];
    // A line that ended with a return has ended; a feed that comes behind it belongs to it.
    if (this.#isAfterReturn && text.startsWith("\n")) text = text.slice(1);
    this.#isAfterReturn = text.endsWith("\r");
    const lines = (this.#line + text).split(/\r\n|\r|\n/);
    this.#line = lines.pop() ?? "";
    return lines.flatMap((line) => this.#take(line));
  }

  /** @param {string} line @returns {SseEvent[]} */
  #take(line) {
    if (line === "") return this.#dispatch();
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    return [];
  }

  /** @returns {SseEvent[]} */
  #dispatch() {
    const events = this.#data.length > 0 ? [{ event: this.#event || "message", data: this.#data.join("\n") }] : [];
    this.#event = "";
    this.#data = [];
    return events;
  }
}

/** The events of an answer, as they come. @param {ReadableStream<Uint8Array>} body @returns {AsyncGenerator<SseEvent>} */
export async function* events(body) {
  const [source, reader] = [body.getReader(), new SseReader()];
  try {
    for (;;) {
      const { done, value } = await source.read();
      if (done) return;
      yield* reader.push(value);
    }
  } finally {
    source.cancel().catch(() => {});
  }
}
