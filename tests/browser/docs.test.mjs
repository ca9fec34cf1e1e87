// `/docs`: Swagger UI over this server's own document, from this server alone.

import assert from "node:assert/strict";

import { setUp } from "./lib/stage.mjs";
import { eventually } from "./lib/wait.mjs";

const stage = await setUp();

stage.test("every operation of the document is shown", {}, async ({ page, server }) => {
  const document = await server.api("GET", "/openapi.json", undefined, { bearer: null });
  const operations = Object.values(document.paths).flatMap(Object.keys);
  assert.ok(operations.length > 50, `${operations.length} operations`);
  await page.goto("/docs");
  const shown = page.locator(".opblock");
  await eventually("all operations", async () => await shown.count() === operations.length);
  await page.locator(".info .title", { hasText: document.info.title }).waitFor();
});

stage.test("an operation opens and can be tried", {}, async ({ page }) => {
  await page.goto("/docs");
  const health = page.locator(".opblock", { has: page.locator("[data-path='/health']") });
  await health.locator(".opblock-summary-control").click();
  await health.getByRole("button", { name: "Try it out" }).click();
  await health.getByRole("button", { name: "Execute" }).click();
  await health.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
});

stage.test("without JavaScript it says where to read the document", { javascript: false }, async ({ page }) => {
  await page.goto("/docs");
  await page.getByRole("link", { name: "/openapi.json" }).waitFor();
});
