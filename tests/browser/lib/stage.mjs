// What a test file needs: a server, its upstream, a browser; and a test that has a page.
//
//   const stage = await setUp({ keys: 3 });
//   stage.test("keys are listed", { theme: "dark" }, async ({ page }) => { … });

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";

import { launch, openContext } from "./browser.mjs";
import { Server } from "./server.mjs";
import { signIn } from "./session.mjs";
import { Upstream } from "./upstream.mjs";

const PICTURES = fileURLToPath(new URL("../../../target/browser-failures", import.meta.url));

/**
 * @typedef {object} Scene
 * @property {import("playwright-core").Page} page
 * @property {import("playwright-core").BrowserContext} context
 * @property {import("./watch.mjs").Watch} watch
 * @property {Server} server
 * @property {Upstream} upstream
 */

class Stage {
  /** @type {Server} */
  server;
  /** @type {Upstream} */
  upstream;
  /** @type {import("playwright-core").Browser} */
  browser;

  async open(options) {
    [this.upstream, this.browser] = await Promise.all([Upstream.start(), launch()]);
    this.server = await Server.start({ upstream: this.upstream, ...options });
  }

  async close() {
    await this.browser?.close();
    try {
      await this.server?.stop();
    } finally {
      await this.upstream?.stop();
    }
  }

  /**
   * A test with a page of its own. What the browser notices fails it; how the page looked then is kept as a picture.
   * @param {string} name
   * @param {import("./browser.mjs").Look} look
   * @param {(scene: Scene) => Promise<void>} body
   */
  test(name, look, body) {
    test(name, async () => {
      const { context, watch } = await openContext(this.browser, this.server.origin, look);
      const page = await context.newPage();
      try {
        if (look.isAdmin) await signIn(context, this.server);
        await body({ page, context, watch, server: this.server, upstream: this.upstream });
        watch.check();
      } catch (error) {
        error.message += await this.#lastSeen(name, page, watch);
        throw error;
      } finally {
        await context.close();
      }
    });
  }

  async #lastSeen(name, page, watch) {
    const picture = `${PICTURES}/${name.replaceAll(/[^\p{L}\p{N}]+/gu, "-")}.png`;
    const kept = await mkdir(dirname(picture), { recursive: true })
      .then(() => page.screenshot({ path: picture, fullPage: true }))
      .then(() => `picture: ${picture}`, (reason) => `no picture: ${reason.message}`);
    const log = ["the server's log ends:", ...this.server.log.slice(-8)];
    return [`\nat ${page.url()}`, ...watch.faults, kept, ...log].join("\n  ");
  }
}

/** Starts everything, and ends it after the last test of the file; options as of `Server.start`. */
export async function setUp(options = {}) {
  const stage = new Stage();
  after(() => stage.close());
  await stage.open(options);
  return stage;
}
