// Chromium, and pages in it as different people see them.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { watchLayout } from "./measure.mjs";
import { WAIT_MS } from "./wait.mjs";
import { Watch } from "./watch.mjs";

// The sandbox of Chromium needs a kernel's leave that root and containers do not have; the pages are our own.
// Nothing is looked up or asked outside of this machine, whatever the environment says of proxies.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-proxy-server",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/**
 * Starts a browser; `close()` ends it and deletes what it stored.
 * @returns {Promise<import("playwright-core").Browser>}
 */
export async function launch() {
  // A user without a home has no place for these otherwise.
  const home = await mkdtemp(join(tmpdir(), "browser-home-"));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    env: { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, LANG: "C.UTF-8" },
    timeout: 3 * WAIT_MS,
  });
  browser.on("disconnected", () => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  return browser;
}

/**
 * Who looks at a page, and how.
 * @typedef {object} Look
 * @property {"light" | "dark"} [theme] what the device prefers
 * @property {"en-US" | "zh-CN"} [lang] what the browser prefers
 * @property {boolean} [isPhone] 390 px and fingers
 * @property {{width: number, height: number}} [viewport]
 * @property {boolean} [javascript] false: switched off
 * @property {string} [timeZone]
 * @property {boolean} [isAdmin] signed in to the console
 * @property {RegExp[]} [expects] faults that belong to the test
 */

/**
 * A browser of its own for somebody: no cookie, no cache. Addresses are relative to `origin`.
 * @param {Look} look
 */
export async function openContext(browser, origin, look = {}) {
  const { theme = "light", lang = "en-US", isPhone = false, javascript = true, timeZone = "Asia/Shanghai" } = look;
  const context = await browser.newContext({
    baseURL: origin,
    colorScheme: theme,
    locale: lang,
    timezoneId: timeZone,
    javaScriptEnabled: javascript,
    viewport: look.viewport ?? (isPhone ? PHONE : DESKTOP),
    isMobile: isPhone,
    hasTouch: isPhone,
  });
  context.setDefaultTimeout(WAIT_MS);
  const watch = await Watch.of(context, origin, look.expects);
  await watchLayout(context);
  return { context, watch };
}
