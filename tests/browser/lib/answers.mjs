// What the stand-in of a provider can be scripted to say.

import { setTimeout as pause } from "node:timers/promises";

/**
 * Writes an answer to a request.
 * @typedef {(received: import("./upstream.mjs").Received, response: import("node:http").ServerResponse)
 *   => Promise<void>} Answer
 */

const CREATED = 1_760_000_000;

/** Something that answers wait for until the test opens it. */
export class Gate {
  constructor() {
    this.opened = new Promise((resolve) => { this.open = resolve; });
  }
}

/** JSON with status 200. @returns {Answer} */
export function ok(body) {
  return reply(200, body);
}

/** An error in OpenAI's form. @returns {Answer} */
export function error(status, { message = `scripted ${status}`, retryAfter } = {}) {
  const headers = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
  return reply(status, { error: { message, type: "scripted", code: null } }, headers);
}

/** @returns {Answer} */
export function models(names) {
  const data = names.map((id) => ({ id, object: "model", created: CREATED, owned_by: "stand-in" }));
  return ok({ object: "list", data });
}

/**
 * A chat completion that says `text`, plain or streamed word by word, as the request asks. `usage` counts tokens in
 * and out; `isSplit` sends every event that has a character of several bytes in two writes, cut inside of one;
 * `pauseMs` lies after each word, and `gate` holds back all after the first one.
 * @returns {Answer}
 */
export function completion(text, { usage = [12, 34], isSplit = false, pauseMs = 0, gate = undefined } = {}) {
  const counted = { prompt_tokens: usage[0], completion_tokens: usage[1], total_tokens: usage[0] + usage[1] };
  return async (received, response) => {
    if (!received.json?.stream) {
      await gate?.opened;
      const choices = [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }];
      return ok({ ...head(received), object: "chat.completion", choices, usage: counted })(received, response);
    }
    begin(response);
    await write(response, delta(received, { role: "assistant", content: "" }));
    for (const [n, word] of (text.match(/\s*\S+/gu) ?? []).entries()) {
      if (n === 1) await gate?.opened;
      await write(response, delta(received, { content: word }), isSplit);
      if (pauseMs > 0) await pause(pauseMs);
    }
    await write(response, delta(received, {}, "stop"));
    if (received.json.stream_options?.include_usage) await write(response, event(received, [], { usage: counted }));
    response.end("data: [DONE]\n\n");
  };
}

/**
 * The beginning of a stream and then a broken connection, once `gate` is open; a plain request is not answered at all.
 * @returns {Answer}
 */
export function cut(text, { gate = undefined } = {}) {
  return async (received, response) => {
    if (received.json?.stream) {
      begin(response);
      await write(response, delta(received, { role: "assistant", content: text }));
      await (gate?.opened ?? pause(5));
    }
    response.destroy();
  };
}

/** Another answer, so much later. @returns {Answer} */
export function delayed(ms, answer) {
  return async (received, response) => {
    await pause(ms);
    await answer(received, response);
  };
}

/** Another answer, not before the gate is open. @returns {Answer} */
export function held(gate, answer) {
  return async (received, response) => {
    await gate.opened;
    await answer(received, response);
  };
}

function begin(response) {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

function delta(received, content, finish_reason = null) {
  return event(received, [{ index: 0, delta: content, finish_reason }]);
}

function event(received, choices, more = {}) {
  return `data: ${JSON.stringify({ ...head(received), object: "chat.completion.chunk", choices, ...more })}\n\n`;
}

function head(received) {
  return { id: "chatcmpl-1", created: CREATED, model: received.json?.model ?? "unknown" };
}

function reply(status, body, headers = {}) {
  return async (_received, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Writes what the peer should read at once, or in two reads that part a character. */
async function write(response, text, isSplit = false) {
  const bytes = Buffer.from(text);
  const first = bytes.findIndex((byte) => byte >= 0xc0);
  if (!isSplit || first < 0) {
    response.write(bytes);
    return;
  }
  response.write(bytes.subarray(0, first + 1));
  // Long enough that the pieces travel apart; nobody waits for it to have happened.
  await pause(5);
  response.write(bytes.subarray(first + 1));
}
