// Every page in both themes, on a desktop and at 390 px: axe-core finds nothing, nothing is wider than the screen, the
// first load is small and stays where it was painted.

import assert from "node:assert/strict";

import { expectNoAxeViolations } from "./lib/axe.mjs";
import { DESKTOP, PHONE } from "./lib/browser.mjs";
import { liveIn } from "./lib/lived-in.mjs";
import { layoutShift, transferSize } from "./lib/measure.mjs";
import { PAGES } from "./lib/pages.mjs";
import { setUp } from "./lib/stage.mjs";

const MOST_BYTES = 150_000;
// A move of a pixel or two of something small, which nobody sees: a tenth is what counts as good.
const BARELY = 0.005;

const stage = await setUp();
const ids = await liveIn(stage);

for (const { name, path, isPublic, expects, prepare } of PAGES.filter((page) => !page.isTheirs)) {
  stage.test(`${name} is light, steady and accessible`, { isAdmin: !isPublic, expects }, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    const { total, requests } = await transferSize(page, typeof path === "function" ? path(ids) : path);
    assert.ok(total <= MOST_BYTES, `${total} bytes: ${JSON.stringify(requests)}`);
    await prepare?.(page);
    const { score, moved } = await layoutShift(page);
    assert.ok(score < BARELY, `shifted by itself: ${moved.join(", ")}: ${score}`);
    for (const viewport of [DESKTOP, PHONE]) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await expectNoAxeViolations(page).catch((error) => {
          error.message = `${colorScheme}, ${viewport.width} px: ${error.message}`;
          throw error;
        });
      }
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${width} px wide on a screen of ${viewport.width}`);
    }
  });
}
