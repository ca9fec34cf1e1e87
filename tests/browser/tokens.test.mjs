// Client tokens: made, picked over several pages, changed back, rotated, deleted; by mouse, by keyboard, without scripts.

import assert from "node:assert/strict";

import { setUp } from "./lib/stage.mjs";
import { eventually } from "./lib/wait.mjs";

const stage = await setUp({ keys: 1 });
const LIST = "/dashboard/tokens";

/** What the API says of a token, by its name. */
const token = async (server, name) => (await server.api("GET", `/admin/tokens?search=${name}`)).tokens[0];

stage.test("a token is made in a dialog and shown there once", { isAdmin: true }, async ({ page, server }) => {
  await page.goto(LIST);
  await page.getByRole("link", { name: "New token" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("<b>payload</b> made");
  await dialog.getByRole("button", { name: "Make the token" }).click();
  const secret = dialog.locator("#token-text");
  const text = await secret.textContent();
  assert.match(text, /^sk-[A-Za-z0-9]{48}$/);
  assert.ok((await dialog.locator("#token-curl").textContent()).includes(text));
  assert.equal((await server.chat(text)).status, 200);
  await dialog.getByRole("link", { name: "Close" }).last().click();
  await page.getByRole("link", { name: "<b>payload</b> made" }).waitFor();
  assert.equal(await page.getByText(text).count(), 0);
});

const wrong = { isAdmin: true, expects: [/^status 422:/] };
stage.test("a wrong form keeps the dialog open with the fault at its field", wrong, async ({ page }) => {
  await page.goto(LIST);
  await page.getByRole("link", { name: "New token" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("kept");
  await dialog.getByLabel("Or at the end of").fill("2020-01-01");
  await dialog.getByRole("button", { name: "Make the token" }).click();
  await dialog.getByText("That day is over.").waitFor();
  assert.equal(await dialog.getByLabel("Name").inputValue(), "kept");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

stage.test("what is picked on several pages is changed, and changed back", { isAdmin: true }, async ({ page, server }) => {
  for (let n = 0; n < 30; n += 1) await server.addToken({ name: `many ${String(n).padStart(2, "0")}` });
  await page.goto(`${LIST}?search=many&sort=name&order=asc`);
  await page.getByLabel("Pick token many 00").check();
  await page.getByRole("link", { name: "Next page" }).click();
  await page.getByLabel("Pick token many 29").check();
  await page.getByText("2 picked").waitFor();
  await page.getByRole("button", { name: "Disable" }).last().click();
  await page.getByText("Disabled 2 tokens.").waitFor();
  assert.equal((await token(server, "many 00")).status, "disabled");
  assert.equal((await token(server, "many 01")).status, "active");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Enabled 2 tokens.").waitFor();
  await page.getByLabel("Pick all rows of this page").check();
  await page.getByRole("button", { name: "Pick all 30 that match" }).click();
  await page.getByRole("button", { name: "Delete" }).last().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Delete 30 tokens?" }).waitFor();
  await dialog.getByRole("button", { name: "Delete 30 tokens" }).click();
  await page.getByText("Deleted 30 tokens.").waitFor();
  assert.equal(await token(server, "many"), undefined);
});

stage.test("a search narrows the list, and a whole token leads to its page", { isAdmin: true }, async (scene) => {
  const { page, server } = scene;
  const made = await server.addToken({ name: "needle" });
  await server.addToken({ name: "hay" });
  await page.goto(LIST);
  await page.getByRole("searchbox").fill("need");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "hay", exact: true }).waitFor({ state: "detached" });
  assert.match(page.url(), /search=need$/);
  await page.getByRole("searchbox").fill(made.token);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "needle" }).waitFor();
  assert.equal(new URL(page.url()).pathname, `${LIST}/${made.id}`);
  assert.equal(await page.evaluate(() => performance.getEntries().some((entry) => entry.name.includes("sk-"))), false);
});

stage.test("a token is rotated by the keyboard alone", { isAdmin: true }, async ({ page, server }) => {
  const made = await server.addToken({ name: "keyboard" });
  await page.goto(`${LIST}/${made.id}`);
  await page.getByRole("link", { name: "Rotate" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The old token ends at once").waitFor();
  await page.keyboard.press("Tab");
  await dialog.getByRole("button", { name: "Rotate" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Enter");
  const text = await dialog.locator("#token-text").textContent();
  assert.notEqual(text, made.token);
  assert.equal((await server.chat(made.token)).status, 401);
  assert.equal((await server.chat(text)).status, 200);
});

stage.test("its page shows new requests without a reload", { isAdmin: true }, async ({ page, server }) => {
  const made = await server.addToken({ name: "watched" });
  await page.clock.install();
  await page.goto(`${LIST}/${made.id}`);
  await page.getByText("Nothing was asked with it in this time.").waitFor();
  await page.evaluate(() => { globalThis.isSame = true; });
  await (await server.chat(made.token)).text();
  await eventually("the model to be shown", async () => {
    await page.clock.runFor(1_000);
    return await page.getByRole("cell", { name: "gpt-oss:120b" }).count() > 0;
  });
  assert.equal(await page.evaluate(() => globalThis.isSame), true);
});

const bare = { isAdmin: true, javascript: false, isPhone: true };
stage.test("without JavaScript, on a phone, everything works", bare, async ({ page, server }) => {
  await page.goto(LIST);
  await page.getByRole("link", { name: "New token" }).first().tap();
  await page.getByLabel("Name").fill("plain");
  await page.getByRole("button", { name: "Make the token" }).tap();
  assert.match(await page.locator("#token-text").textContent(), /^sk-/);
  await page.goto(`${LIST}?search=plain`);
  await page.getByLabel("Pick token plain").check();
  await page.getByRole("button", { name: "Disable" }).last().tap();
  await page.getByText("Disabled 1 token.").waitFor();
  assert.equal((await token(server, "plain")).status, "disabled");
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} px wide`);
});
