// The real binary on a fresh data directory and a free port, set up through its public routes.
// POOL_BINARY names it. A server that logs an error, or does not end cleanly, fails whoever stops it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { within } from "./wait.mjs";

export const ADMIN_TOKEN = "browser-tests-administrate-with-this";

export class Server {
  /** Where it listens: `http://127.0.0.1:40123`. */
  origin = "";
  adminToken = "";
  /** @type {string[]} what it logged, line by line */
  log = [];
  #directory = "";
  #options = {};
  #process;

  /**
   * @param {object} given
   * @param {import("./upstream.mjs").Upstream} given.upstream the stand-in of its providers
   * @param {Record<string, string | undefined>} [given.options] options by their environment names; `undefined`
   *   takes one away: without ADMIN_TOKEN the server makes one, which `adminToken` then is
   * @param {number} [given.keys] how many API keys of the provider `ollama` to begin with
   * @param {number} [given.tokens] how many client tokens to begin with
   */
  static async start({ upstream, options = {}, keys = 0, tokens = 0 }) {
    const server = new Server();
    server.#directory = await mkdtemp(join(tmpdir(), "browser-test-"));
    server.#options = {
      LISTEN: "127.0.0.1:0",
      DATA_DIR: join(server.#directory, "data"),
      ADMIN_TOKEN,
      OLLAMA_BASE_URL: upstream.origin,
      OPENROUTER_BASE_URL: `${upstream.origin}/openrouter`,
      SHUTDOWN_GRACE: "2s",
      WORKERS: "1",
      LOG_FORMAT: "text",
      ...options,
    };
    try {
      await server.#launch();
      if (keys > 0) await server.addKeys(keys);
      for (let n = 1; n <= tokens; n += 1) await server.addToken({ name: `client ${n}` });
    } catch (error) {
      await server.stop({ isFailing: true });
      throw error;
    }
    return server;
  }

  /** Stops it and starts it again on the same directory and port, with these options changed. */
  async restart(options = {}) {
    await this.#end();
    Object.assign(this.#options, { LISTEN: new URL(this.origin).host }, options);
    await this.#launch();
  }

  /** Stops it and deletes what it stored. */
  async stop({ isFailing = false } = {}) {
    try {
      await this.#end();
    } catch (error) {
      if (!isFailing) throw error;
    } finally {
      await rm(this.#directory, { recursive: true, force: true });
    }
  }

  /** The data directory, for what only a file tells. */
  path(name) {
    return join(this.#options.DATA_DIR, name);
  }

  /**
   * A request with the admin token, or with another bearer, or with none. Gives the answer's JSON, which must be a
   * success.
   */
  async api(method, path, body, { bearer = this.adminToken } = {}) {
    const response = await fetch(this.origin + path, {
      method,
      headers: { "content-type": "application/json", ...(bearer && { authorization: `Bearer ${bearer}` }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** Adds so many API keys, or these; gives them. */
  async addKeys(keys, { provider = "ollama" } = {}) {
    const texts = typeof keys === "number" ? Array.from({ length: keys }, (_, n) => keyText(provider, n + 1)) : keys;
    await this.api("POST", "/admin/api-keys/import", { keys: texts, provider });
    return texts;
  }

  /** Makes a client token; gives what the API answers, `token` included. */
  addToken(request = { name: "client" }) {
    return this.api("POST", "/admin/tokens", request);
  }

  /** A chat completion as a client of the pool would ask for it; gives the response. */
  async chat(token, { text = "hi", model = "gpt-oss:120b", stream = false, route = "/v1" } = {}) {
    return fetch(`${this.origin}${route}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ model, stream, messages: [{ role: "user", content: text }] }),
    });
  }

  async #launch() {
    const binary = process.env.POOL_BINARY;
    assert.ok(binary, "POOL_BINARY names the binary to test");
    const env = Object.fromEntries(Object.entries(this.#options).filter(([, value]) => value !== undefined));
    const child = spawn(binary, ["serve"], { env, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    // Should a test file end in the middle, nothing of it stays.
    process.once("exit", () => child.kill("SIGKILL"));
    const lines = createInterface({ input: this.#process.stderr });
    const listening = new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        this.log.push(line);
        const address = /: listening address=(\S+)/.exec(line);
        if (address) resolve(address[1]);
      });
      lines.once("close", () => reject(new Error(`the server ended:\n${this.log.join("\n")}`)));
      this.#process.once("error", reject);
    });
    this.origin = `http://${await within("the server to listen", listening)}`;
    this.adminToken = env.ADMIN_TOKEN ?? (await readFile(this.path("admin-token"), "utf8")).trim();
  }

  async #end() {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill("SIGTERM");
    try {
      await within("the server to end", ended);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
    assert.equal(child.exitCode, 0, this.log.join("\n"));
    assert.deepEqual(this.log.filter((line) => / ERROR /.test(line)), [], "the server logged errors");
  }
}

/** Keys that look like their provider's, so that pages show what people see. */
function keyText(provider, n) {
  const digits = String(n).padStart(8, "0");
  if (provider === "openrouter") return `sk-or-v1-${"e5".repeat(28)}${digits}`;
  return `${digits}${"a7".repeat(12)}.${"Kq".repeat(10)}${digits.slice(4)}`;
}
