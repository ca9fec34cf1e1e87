// A stand-in of Ollama Cloud and OpenRouter: a tiny model server that does for each API key what a test scripts.
// OpenRouter's routes are the same below /openrouter. It records what it was asked.

import { once } from "node:events";
import { createServer } from "node:http";

import { completion, error, Gate, models, ok } from "./answers.mjs";
import { eventually } from "./wait.mjs";

/**
 * A request as it arrived.
 * @typedef {{ method: string, path: string, key: string, headers: Record<string, string>, json: any }} Received
 */

/** What is said to one key: the next answers first, each once, then the standing one. */
class Script {
  /** @type {import("./answers.mjs").Answer[]} */
  #next = [];
  /** @type {import("./answers.mjs").Answer | undefined} */
  #always;

  /** Answers to give once each, in this order. */
  next(...answers) {
    this.#next.push(...answers);
    return this;
  }

  /** The answer to everything else. */
  always(answer) {
    this.#always = answer;
    return this;
  }

  take() {
    return this.#next.shift() ?? this.#always;
  }
}

export class Upstream {
  /** @type {Received[]} */
  requests = [];
  /** What `/v1/models` lists. */
  models = ["gpt-oss:120b", "qwen3-coder:480b", "kimi-k2:1t"];
  /** @type {Set<string>} API keys that are wrong */
  rejects = new Set();
  origin = "";
  #server;
  /** @type {Map<string, Script>} */
  #scripts = new Map();
  #anyKey = new Script();
  #checks = { left: Infinity, gate: new Gate() };

  static async start() {
    const upstream = new Upstream();
    upstream.#server = createServer((request, response) => {
      // A peer that leaves in the middle is no fault of the stand-in.
      upstream.#answer(request, response).catch((reason) => response.destroy(reason));
    });
    upstream.#server.listen(0, "127.0.0.1");
    await once(upstream.#server, "listening");
    upstream.origin = `http://127.0.0.1:${upstream.#server.address().port}`;
    return upstream;
  }

  async stop() {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Scripts the chats with this API key. */
  key(key) {
    if (!this.#scripts.has(key)) this.#scripts.set(key, new Script());
    return this.#scripts.get(key);
  }

  /** Scripts the chats with keys that have no script of their own, or none left. */
  anyKey() {
    return this.#anyKey;
  }

  /** Answers so many questions about keys, and those that come then when the gate that it gives is open. */
  holdChecksAfter(left) {
    this.#checks = { left, gate: new Gate() };
    return this.#checks.gate;
  }

  /** Waits for a request that was or will be sent. */
  received(what, matches = () => true) {
    return eventually(`a request upstream: ${what}`, () => this.requests.find(matches));
  }

  async #answer(request, response) {
    const received = await read(request);
    this.requests.push(received);
    const route = received.path.replace(/^\/openrouter/, "").replace(/\?.*$/, "");
    const isChat = route === "/v1/chat/completions" || route === "/api/chat";
    const answer = this.rejects.has(received.key) ? error(401, { message: "unauthorized" })
      : isChat ? this.#scripts.get(received.key)?.take() ?? this.#anyKey.take() ?? completion("Hello there.")
      : this.#unscripted(route);
    if (!isChat && (this.#checks.left -= 1) < 0) await this.#checks.gate.opened;
    await answer(received, response);
  }

  #unscripted(route) {
    switch (route) {
      case "/v1/models": return models(this.models);
      case "/api/tags": return ok({ models: this.models.map((name) => ({ name, model: name })) });
      case "/api/version": return ok({ version: "0.0.0" });
      // OpenRouter's question whose key it is.
      case "/v1/key": return ok({ data: { label: "sk-or-v1-sec...ool", usage: 0, limit: null } });
      default: return error(404);
    }
  }
}

/** @returns {Promise<Received>} */
async function read(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces).toString();
  const key = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
  let json = null;
  try {
    json = JSON.parse(body);
  } catch { /* It is no JSON. */ }
  return { method: request.method, path: request.url, key, headers: request.headers, json };
}
