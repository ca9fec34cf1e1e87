// The reader of streams, without a browser: whatever the bytes are cut into, the events are the same.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

// Node takes a file of that name for an older kind of script, so it gets the text.
const source = await readFile(new URL("../../assets/js/lib/sse.js", import.meta.url), "utf8");
const { SseReader, events } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const bytesOf = (text) => new TextEncoder().encode(text);
const message = (data, event = "message") => ({ event, data });

/** The events of these pieces. */
function read(pieces) {
  const reader = new SseReader();
  return pieces.flatMap((piece) => reader.push(piece));
}

const TEXT = [
  "\uFEFF: a comment\n\n",
  'data: {"text":"池子 — é 🦙"}\n\n',
  "event: error\r\ndata: one\r\ndata:two\r\ndata\r\ndata:  three\r\n\r\n",
  "id: 7\rretry: 5\rdata: with returns: ü\r\r",
  "event: unused\n\ndata: [DONE]\n\n",
].join("");
const EVENTS = [
  message('{"text":"池子 — é 🦙"}'), message("one\ntwo\n\n three", "error"), message("with returns: ü"), message("[DONE]"),
];

test("an answer in one piece is read", () => {
  assert.deepEqual(read([bytesOf(TEXT)]), EVENTS);
});

test("a cut anywhere, also inside of a character or a line end, changes nothing", () => {
  const bytes = bytesOf(TEXT);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)]), EVENTS, `cut at ${cut}`);
  }
  assert.deepEqual(read([...bytes].map((byte) => Uint8Array.of(byte))), EVENTS);
});

test("an event is told as soon as its blank line is there, and without one it is none", () => {
  const reader = new SseReader();
  assert.deepEqual(reader.push(bytesOf("data: first\r\n\r")), [message("first")]);
  assert.deepEqual(reader.push(bytesOf("\ndata: second\n")), []);
  assert.deepEqual(reader.push(bytesOf("\n")), [message("second")]);
  assert.deepEqual(read([bytesOf("data: cut off")]), []);
});

test("the source is let go when nobody reads on", async () => {
  let isCanceled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(bytesOf("data: again\n\n")),
    cancel: () => { isCanceled = true; },
  });
  for await (const { data } of events(body)) {
    assert.equal(data, "again");
    break;
  }
  assert.ok(isCanceled);
});
