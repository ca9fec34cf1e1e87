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
 * `pauseMs` lies between the events, and `gate` holds back all after the first word.
 * @returns {Answer}
 */
export function completion(text, { usage = [12, 34], isSplit = false, pauseMs = 0, gate = undefined } = {}) {
  const counted = { prompt_tokens: usage[0], completion_tokens: usage[1], total_tokens: usage[0] + usage[1] };
  return async (received, response) => {
    const model = received.json?.model ?? "unknown";
    if (!received.json?.stream) {
      const message = { role: "assistant", content: text };
      const choices = [{ index: 0, message, finish_reason: "stop" }];
      await gate?.opened;
      await ok({ id: "chatcmpl-1", object: "chat.completion", created: CREATED, model, choices, usage: counted })(
        received, response);
      return;
    }
    const chunk = (choices, more = {}) =>
      `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: CREATED, model, choices, ...more })}\n\n`;
    const delta = (content, finish_reason = null) => chunk([{ index: 0, delta: content, finish_reason }]);
    response.writeHead(200, { "content-type": "text/event-stream" });
    await write(response, delta({ role: "assistant", content: "" }));
    for (const [n, word] of (text.match(/\s*\S+/gu) ?? []).entries()) {
      if (n === 1) await gate?.opened;
      await write(response, delta({ content: word }), isSplit);
      if (pauseMs > 0) await pause(pauseMs);
    }
    await write(response, delta({}, "stop"));
    if (received.json.stream_options?.include_usage) await write(response, chunk([], { usage: counted }));
    response.end("data: [DONE]\n\n");
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
