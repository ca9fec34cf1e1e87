// The audit log and the backup.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { setUp } from "./lib/stage.mjs";

const HOSTILE = "<img src=x onerror=alert(1)>";
const stage = await setUp();
await stage.server.addToken({ name: HOSTILE });
await stage.server.api("PATCH", "/admin/settings", { "cache.mode": "all" });

stage.test("the audit log is filtered as one chooses, in words", { isAdmin: true }, async ({ page }) => {
  await page.goto("/dashboard/audit-log");
  await page.getByRole("definition").getByText(HOSTILE).waitFor();
  assert.equal(await page.locator("#main img").count(), 0);
  await page.getByLabel("What was changed", { exact: true }).selectOption({ label: "Settings" });
  await page.getByRole("definition").getByText(HOSTILE).waitFor({ state: "detached" });
  assert.match(page.url(), /action=setting$/);
  const row = page.getByRole("row", { name: "Setting changed" });
  assert.match((await row.locator("dd").textContent()).replaceAll(/\s+/g, " "), /none → all/);
  await row.getByRole("link", { name: "Only Keep answers" }).click();
  await page.waitForURL(/subject=cache\.mode$/);
  await page.getByLabel("From").fill("2020-01-01");
  await page.getByLabel("to", { exact: true }).fill("2020-01-02");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByText("Nothing matches").waitFor();
  await page.getByRole("link", { name: "Show everything" }).first().click();
  await page.getByRole("definition").getByText(HOSTILE).waitFor();
});

stage.test("a copy is only for whoever has the admin token again", { isAdmin: true }, async ({ page, server, watch }) => {
  watch.expect(/^status 422:/);
  await page.goto("/dashboard/backup");
  await page.getByLabel("Admin token").fill("not this one");
  await page.getByRole("button", { name: "Download the copy" }).click();
  await page.getByText("This is not the admin token.").waitFor();
  await page.getByLabel("Admin token").fill(server.adminToken);
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the copy" }).click();
  const download = await downloading;
  assert.match(download.suggestedFilename(), /^ollama-api-pool-.*\.db$/);
  const file = await readFile(await download.path());
  assert.equal(file.subarray(0, 15).toString(), "SQLite format 3");
});
