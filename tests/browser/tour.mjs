// Photographs every page in both themes, on a desktop and a phone, in both languages, in a pool that was lived in.
// tests/browser/screenshots runs it. Arguments choose pictures: those whose name has one of them.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { launch, openContext } from "./lib/browser.mjs";
import { ShiftedClock } from "./lib/clock.mjs";
import { A_MONTH, liveIn } from "./lib/lived-in.mjs";
import { PAGES } from "./lib/pages.mjs";
import { Server } from "./lib/server.mjs";
import { signIn } from "./lib/session.mjs";
import { Upstream } from "./lib/upstream.mjs";

const FOLDER = fileURLToPath(new URL("../../target/screenshots", import.meta.url));
const AT_ONCE = 3;
const wanted = process.argv.slice(2);

/** `overview.dark.phone.zh` and so on, as far as they are wanted. */
function pictures() {
  const all = [];
  for (const page of PAGES) {
    for (const theme of ["light", "dark"]) {
      for (const device of ["desktop", "phone"]) {
        for (const lang of ["en", "zh"]) {
          const look = { theme, isPhone: device === "phone", lang: lang === "zh" ? "zh-CN" : "en-US" };
          all.push({ page, name: `${page.name}.${theme}.${device}.${lang}`, look: { ...look, expects: page.expects } });
        }
      }
    }
  }
  return all.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
}

async function photograph(browser, { server, ids, cookies }, { page, name, look }) {
  const { context, watch } = await openContext(browser, server.origin, look);
  try {
    if (!page.isPublic) await context.addCookies(cookies);
    const view = await context.newPage();
    await view.emulateMedia({ reducedMotion: "reduce" });
    await view.goto(typeof page.path === "function" ? page.path(ids) : page.path, { waitUntil: "networkidle" });
    await page.prepare?.(view);
    await view.screenshot({ path: `${FOLDER}/${name}.png`, fullPage: true });
    watch.check();
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  } finally {
    await context.close();
  }
}

const upstream = await Upstream.start();
const clock = await ShiftedClock.of(process.env.FAKETIME_LIBRARY, A_MONTH);
const server = await Server.start({ upstream, options: clock.options });
const browser = await launch();
try {
  await mkdir(FOLDER, { recursive: true });
  const began = Date.now();
  const ids = await liveIn({ server, upstream, clock });
  console.error(`lived in after ${Math.round((Date.now() - began) / 1000)} s`);
  const { context } = await openContext(browser, server.origin);
  const cookies = [await signIn(context, server)];
  const left = pictures();
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) await photograph(browser, { server, ids, cookies }, next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.error(`pictures: ${FOLDER}`);
} finally {
  await browser.close();
  await server.stop();
  await upstream.stop();
  await clock.close();
}
