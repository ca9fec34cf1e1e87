// The overview: true figures, charts that answer to the pointer, and a page that stays up to date without a flicker.

import assert from "node:assert/strict";

import { completion } from "./lib/answers.mjs";
import { liveIn } from "./lib/lived-in.mjs";
import { layoutShift, transferSize } from "./lib/measure.mjs";
import { setUp } from "./lib/stage.mjs";

const MOST_BYTES = 150_000;
const stage = await setUp();
await liveIn(stage);
const client = await stage.server.addToken({ name: "one more", provider: "all" });

stage.test("figures are those that were counted", { isAdmin: true }, async ({ page, server }) => {
  const { total } = await transferSize(page, "/dashboard");
  assert.ok(total <= MOST_BYTES, `${total} bytes`);
  const { totals } = await server.api("GET", "/admin/stats/series?range=24h");
  const answered = page.locator("#chart-requests-legend b").first();
  assert.equal(await answered.textContent(), grouped(totals.success));
  const classes = await page.locator("#chart-errors-legend b").allTextContents();
  const { limit, upstream, client: own, cut } = totals.failures;
  assert.deepEqual(classes.slice(0, 4), [limit, upstream, own, cut].map(grouped));
  const attention = page.getByRole("region", { name: "Needs attention" });
  await attention.getByText("1 key is rejected").waitFor();
  await attention.getByRole("link", { name: "Review keys" }).first().click();
  await page.waitForURL("**/dashboard/keys?*state=rejected*");
});

stage.test("charts are drawn, and the legend follows the pointer", { isAdmin: true }, async ({ page }) => {
  await page.goto("/dashboard", { waitUntil: "networkidle" });
  const canvas = page.locator("#chart-requests canvas");
  const painted = await canvas.evaluate((element) => {
    const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
    return data.some((value) => value > 0);
  });
  assert.ok(painted);
  const legend = page.locator("#chart-requests-legend b").first();
  const total = await legend.textContent();
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + 60, box.y + 40);
  assert.equal(await legend.textContent(), "0", "23 hours ago there was nothing");
  await page.mouse.move(0, 0);
  assert.equal(await legend.textContent(), total);
  await page.getByText("Show as table").first().click();
  assert.equal(await page.locator("#requests-table tbody tr").count(), 24);
});

stage.test("what happens shows by itself, and nothing moves", { isAdmin: true }, async ({ page, server, upstream }) => {
  await page.goto("/dashboard", { waitUntil: "networkidle" });
  const today = page.locator(".stat .stat-value").first();
  const before = Number((await today.textContent()).replaceAll(",", ""));
  await page.evaluate(() => {
    const main = document.getElementById("main");
    globalThis.kept = ["canvas", ".attention li", "table"].map((selector) => main.querySelector(selector));
  });
  await page.getByText("Show as table").first().click();
  // Whoever looks at another provider's figures sees those change, too: the field keeps its focus and its choice.
  await page.getByRole("combobox", { name: "Provider" }).focus();
  upstream.anyKey().next(completion("One more."));
  await (await server.chat(client.token)).text();
  await page.locator(".stat").first().filter({ hasText: grouped(before + 1) }).waitFor();
  assert.ok(await page.evaluate(() => globalThis.kept.every((node) => node.isConnected)), "what was there is there");
  assert.ok(await page.locator("#requests-table").evaluate((details) => details.open), "what was opened stays open");
  const { score, moved } = await layoutShift(page);
  assert.ok(score < 0.002, `${score}: ${moved}`);
});

stage.test("period and provider are in the address", { isAdmin: true }, async ({ page }) => {
  await page.goto("/dashboard", { waitUntil: "networkidle" });
  await page.getByRole("link", { name: "7 d" }).click();
  await page.waitForURL("**/dashboard?range=7d");
  await page.getByRole("combobox", { name: "Provider" }).selectOption({ label: "OpenRouter" });
  await page.waitForURL("**/dashboard?range=7d&provider=openrouter");
  await page.getByText("Answered, per day").waitFor();
  await page.goBack();
  const chosen = page.locator("select[name=provider] option[selected]", { hasText: "All providers" });
  await chosen.waitFor({ state: "attached" });
  assert.equal(await page.getByRole("combobox", { name: "Provider" }).inputValue(), "");
  assert.match(page.url(), /\?range=7d$/);
});

const bare = { isAdmin: true, javascript: false };
stage.test("without JavaScript the figures are all there", bare, async ({ page }) => {
  await page.goto("/dashboard?range=30d");
  await page.getByRole("combobox", { name: "Provider" }).selectOption({ label: "Ollama Cloud" });
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL("**/dashboard?range=30d&provider=ollama");
  await page.getByText("Show as table").first().click();
  assert.equal(await page.locator("#requests-table tbody tr").count(), 30);
});

/** As pages write numbers. */
function grouped(number) {
  return number.toLocaleString("en-US");
}
