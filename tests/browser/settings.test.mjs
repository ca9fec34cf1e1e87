// The settings, with keyboard and mouse.

import assert from "node:assert/strict";

import { setUp } from "./lib/stage.mjs";

const stage = await setUp();
const HERE = "/dashboard/settings";

async function value(server, name) {
  const { settings } = await server.api("GET", "/admin/settings");
  return settings.find((setting) => setting.name === name).value;
}

stage.test("a setting is saved with the Enter key, and taken back", { isAdmin: true }, async ({ page, server }) => {
  // One that differs already has a button in the form that puts it back; Enter must not press that.
  await server.api("PATCH", "/admin/settings", { "models.ttl_seconds": 600 });
  await page.goto(HERE);
  await page.getByLabel("Keep an answer for").fill("2 h");
  await page.keyboard.press("Enter");
  await page.getByText("1 setting changed.").waitFor();
  assert.equal(await value(server, "cache.ttl_seconds"), 7_200);
  assert.equal(await value(server, "models.ttl_seconds"), 600);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByLabel("Keep an answer for").and(page.locator("[value='1 min']")).waitFor();
  assert.equal(await value(server, "cache.ttl_seconds"), 60);
  await page.getByRole("button", { name: "Back to the default: Keep lists of models for" }).click();
  await page.getByLabel("Keep lists of models for").and(page.locator("[value='5 min']")).waitFor();
  assert.equal(await value(server, "models.ttl_seconds"), 300);
});

stage.test("what does not fit gets the focus and says what would", { isAdmin: true }, async ({ page, watch }) => {
  watch.expect(/^status 422:/);
  await page.goto(HERE);
  await page.getByLabel("Size of the database").fill("1 KiB");
  await page.getByRole("button", { name: "Save: Retention" }).click();
  await page.getByText("A size from 16 MiB to 16 TiB").waitFor();
  const field = page.getByLabel("Size of the database");
  assert.equal(await field.inputValue(), "1 KiB");
  assert.ok(await field.evaluate((element) => element === document.activeElement));
  await field.fill("8 GiB");
  await page.getByRole("button", { name: "Save: Retention" }).click();
  await page.getByText("1 setting changed.").waitFor();
});

stage.test("forms work without a script", { isAdmin: true, javascript: false }, async ({ page, server }) => {
  await page.goto(HERE);
  await page.getByLabel("What this program is, for everybody").uncheck();
  await page.getByRole("button", { name: "Save: Public pages" }).click();
  assert.match(page.url(), /\/dashboard\/settings#public$/);
  assert.equal(await value(server, "public.project"), false);
  await page.getByRole("button", { name: /^Back to the default: What this program is/ }).click();
  assert.equal(await value(server, "public.project"), true);
});
