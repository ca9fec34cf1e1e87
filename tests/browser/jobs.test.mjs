// Jobs: progress that is seen while it is made, also by who comes back later.

import assert from "node:assert/strict";

import { setUp } from "./lib/stage.mjs";
import { eventually } from "./lib/wait.mjs";

const stage = await setUp();

/** An import whose last keys wait for the gate; gives the gate and the job's id. */
async function held({ server, upstream }, from) {
  const gate = upstream.holdChecksAfter(20);
  const keys = Array.from({ length: 40 }, (_, n) => `held-upstream-key-${String(from + n).padStart(6, "0")}`);
  const content = ["# <b>payload</b>", ...keys].join("\n");
  const { id } = await server.api("POST", "/admin/api-keys/import-with-validation", { content, async: true });
  return { gate, id };
}

stage.test("progress goes on while it is looked at, and after one left", { isAdmin: true }, async (scene) => {
  const { page, context } = scene;
  const { gate, id } = await held(scene, 0);
  await page.goto("/dashboard/jobs");
  await page.getByRole("link", { name: "Import keys" }).first().click();
  await page.getByText("Goes on if you close this page.").waitFor();
  await page.evaluate(() => { globalThis.isSame = true; });
  await page.getByRole("link", { name: /^Added \d+/ }).waitFor();
  const later = await context.newPage();
  await later.goto(`/dashboard/jobs/${id}`);
  gate.open();
  for (const seen of [page, later]) {
    await seen.locator(".page-head .badge", { hasText: "Done" }).waitFor();
    await seen.getByText("41 of 41").first().waitFor();
  }
  assert.equal(await page.evaluate(() => globalThis.isSame), true);
});

stage.test("a job is stopped in the middle and says what it did", { isAdmin: true }, async (scene) => {
  const { page, server } = scene;
  const { gate, id } = await held(scene, 100);
  await page.goto(`/dashboard/jobs/${id}`);
  await page.getByRole("link", { name: "Stop" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("they have to be imported again").waitFor();
  await dialog.getByRole("button", { name: "Stop the job" }).click();
  await page.getByText("The job was stopped. What was done stays.").waitFor();
  await page.locator(".page-head .badge", { hasText: "Canceled" }).waitFor();
  gate.open();
  await eventually("it to be over", async () => (await server.api("GET", `/admin/jobs/${id}`)).state === "cancelled");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download as CSV" }).click();
  assert.equal((await download).suggestedFilename(), `job-${id}.csv`);
});

stage.test("a phone has room for it", { isAdmin: true, isPhone: true, lang: "zh-CN" }, async ({ page, server }) => {
  const { jobs: [job] } = await server.api("GET", "/admin/jobs");
  await page.goto(`/dashboard/jobs/${job.id}`);
  await page.getByText("空行或注释").first().waitFor();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} px wide`);
});
