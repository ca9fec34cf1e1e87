// The public statistics, as they change before one's eyes.

import assert from "node:assert/strict";

import { layoutShift } from "./lib/measure.mjs";
import { setUp } from "./lib/stage.mjs";

const stage = await setUp({ keys: 2 });
const { token } = await stage.server.addToken({ name: "client" });
await stage.server.api("PATCH", "/admin/settings", { "statistics.cache_seconds": 0 });

const requests = (page) => page.locator(".stat").first().locator(".stat-value");

stage.test("figures change in place every 30 seconds", {}, async ({ page, server }) => {
  for (const model of ["first-model", "<img src=x onerror=alert(1)>"]) await (await server.chat(token, { model })).text();
  await page.clock.install();
  await page.goto("/stats");
  assert.equal((await requests(page).textContent()).trim(), "2");
  await page.locator("#trend canvas").waitFor();
  await page.evaluate(() => {
    for (const element of document.querySelectorAll(".stat, .card, canvas")) element.isTheSame = true;
    document.querySelector("#trend-table").open = true;
  });
  const before = await layoutShift(page);
  await (await server.chat(token, { model: "first-model" })).text();
  await page.clock.runFor(31_000);
  await page.locator(".stat-value", { hasText: /^\s*3\s*$/ }).first().waitFor();
  const isSame = await page.evaluate(() =>
    [...document.querySelectorAll(".stat, .card, canvas")].every((element) => element.isTheSame));
  assert.ok(isSame, "nothing was drawn anew");
  assert.ok(await page.evaluate(() => document.querySelector("#trend-table").open), "what was opened stays open");
  assert.equal(await page.locator("img").count(), 0);
  await page.getByRole("rowheader", { name: "<img src=x onerror=alert(1)>" }).first().waitFor();
  const { score, moved } = await layoutShift(page);
  assert.equal(score, before.score, moved.join(", "));
});

stage.test("one provider can be looked at alone, and the way back works", { isPhone: true }, async ({ page, server }) => {
  await (await server.chat(token)).text();
  await page.goto("/stats");
  await page.getByRole("link", { name: "OpenRouter" }).tap();
  await page.getByText("Nobody asked for a model in the last 24 hours.").waitFor();
  assert.match(page.url(), /provider=openrouter$/);
  await page.goBack();
  await page.getByRole("rowheader", { name: "gpt-oss:120b" }).first().waitFor();
});
