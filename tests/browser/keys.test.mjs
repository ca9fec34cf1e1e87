// Keys: picking them over several pages, dialogs, searching for a whole one, importing from a file; also with a
// keyboard alone and without scripts.

import assert from "node:assert/strict";

import { expectNoAxeViolations } from "./lib/axe.mjs";
import { layoutShift } from "./lib/measure.mjs";
import { setUp } from "./lib/stage.mjs";
import { eventually } from "./lib/wait.mjs";

const stage = await setUp({ keys: 60 });
const LIST = "/dashboard/keys";
const admin = { isAdmin: true };

const rows = (page) => page.locator("tbody tr[id^=key-]");
const bar = (page) => page.locator(".selection-bar");
const told = (page, text) => page.locator("#flash").getByText(text).waitFor();
const listed = async (server, query) => (await server.api("GET", `/admin/api-keys?pageSize=200&${query}`)).api_keys;

stage.test("rows stay picked while one pages and sorts, and all that match can be picked", admin, async ({ page }) => {
  await page.goto(LIST);
  await bar(page).waitFor({ state: "hidden" });
  await rows(page).nth(0).getByRole("checkbox").check();
  await rows(page).nth(3).getByRole("checkbox").click({ modifiers: ["Shift"] });
  await bar(page).getByText("4 picked").waitFor();
  await page.getByRole("link", { name: "Next page" }).click();
  await page.waitForURL(/page=2/);
  await rows(page).nth(0).getByRole("checkbox").check();
  await bar(page).getByText("5 picked").waitFor();
  await page.getByRole("columnheader", { name: "Requests" }).getByRole("link").click();
  await page.waitForURL(/sort=requests/);
  await bar(page).getByText("5 picked").waitFor();
  await page.getByRole("checkbox", { name: "Pick all rows of this page" }).check();
  await page.getByRole("button", { name: "Pick all 60 that match" }).click();
  await bar(page).getByText("60 picked").waitFor();
  await bar(page).getByRole("button", { name: "Pick none" }).click();
  await bar(page).waitFor({ state: "hidden" });
});

stage.test("picked keys are disabled in a dialog and enabled again by undo", admin, async ({ page, server }) => {
  await page.goto(LIST);
  await rows(page).nth(1).getByRole("checkbox").check();
  await rows(page).nth(2).getByRole("checkbox").check();
  await bar(page).getByRole("button", { name: "Disable for…" }).click();
  const dialog = page.getByRole("dialog", { name: "Disable 2 keys" });
  await dialog.getByLabel("For how long").selectOption({ label: "7 days" });
  await dialog.getByRole("button", { name: "Disable 2 keys" }).click();
  await told(page, "Disabled 2 keys.");
  await dialog.waitFor({ state: "detached" });
  await bar(page).waitFor({ state: "hidden" });
  assert.equal(await rows(page).filter({ hasText: "Disabled" }).count(), 2);
  assert.equal((await listed(server, "status=disabled")).length, 2);
  await page.getByRole("button", { name: "Undo" }).click();
  await told(page, "It is as it was.");
  assert.equal((await listed(server, "status=disabled")).length, 0);
});

stage.test("a dialog gives the focus back, and Escape changes nothing", admin, async ({ page, server }) => {
  await page.goto(LIST);
  await rows(page).first().getByRole("checkbox").check();
  await page.keyboard.press("Tab");
  const button = bar(page).getByRole("button", { name: "Delete…" });
  await button.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete 1 key?" });
  await dialog.getByRole("link", { name: "Keep it" }).and(page.locator(":focus")).waitFor();
  await expectNoAxeViolations(page);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await button.and(page.locator(":focus")).waitFor();
  assert.equal((await listed(server, "")).length, 50 + 10);
});

stage.test("a key is deleted by its menu, with the keyboard alone", admin, async ({ page, server }) => {
  const [extra] = await server.addKeys(["deleted-by-keyboard-0001.abcd"]);
  await page.goto(LIST);
  await rows(page).first().getByRole("button", { name: "Actions for key ••••abcd" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Show" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete key ••••abcd?" });
  await dialog.waitFor();
  await page.keyboard.press("Tab");
  await dialog.getByRole("button", { name: "Delete the key" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Enter");
  await told(page, "Deleted 1 key.");
  assert.equal((await listed(server, `search=${extra}`)).length, 0);
});

stage.test("a whole key leads to its page and stays out of every address", admin, async ({ page, server }) => {
  const [whole] = await server.addKeys(["to-be-found-as-a-whole-0001.wxyz"]);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(LIST);
  await page.keyboard.press("/");
  await page.getByRole("searchbox").and(page.locator(":focus")).waitFor();
  await page.keyboard.type(whole);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "••••wxyz" }).waitFor();
  await page.goBack();
  await page.getByRole("searchbox").fill("unknown-to-this-pool-0000.nope");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "No key of the pool is this one" }).waitFor();
  assert.ok(!(await page.content()).includes("unknown-to-this-pool"), "it is not repeated");
  assert.deepEqual(asked.filter((url) => /to-be-found|unknown-to/.test(url)), []);
  await page.getByRole("searchbox").fill("wxyz");
  await page.keyboard.press("Enter");
  await page.waitForURL(/search=wxyz/);
  assert.equal(await rows(page).count(), 1);
});

stage.test("keys are imported from a file after one has seen what will happen", admin, async ({ page, server }) => {
  await page.goto(`${LIST}/import`);
  const text = "office----imported-key-number-0001\nimported-key-number-0001\nhello world\n";
  const file = { name: "keys.txt", mimeType: "text/plain", buffer: Buffer.from(text) };
  await page.locator("input[type=file]").setInputFiles(file);
  const content = () => page.locator("#content").inputValue();
  await eventually("the text of the file", async () => (await content()).includes("office"));
  await page.getByRole("button", { name: "Show what will happen" }).click();
  const preview = page.getByRole("region", { name: "What will happen" });
  await preview.getByText("1 added").waitFor();
  assert.equal(await preview.getByRole("row").count(), 4);
  assert.ok(!(await preview.textContent()).includes("imported-key"), "no whole key is shown");
  await expectNoAxeViolations(page);
  await page.getByLabel("Verify each key before it is added").uncheck();
  await preview.getByRole("button", { name: /1 key$/ }).click();
  await told(page, "Added 1 key. 2 lines were left out.");
  assert.equal((await listed(server, "search=office")).length, 1);
});

stage.test("a key is checked while one watches, and added when it is good", { ...admin, expects: [/^status 422:/] },
  async ({ page, upstream }) => {
    upstream.rejects.add("refused-by-its-provider-0001");
    await page.goto(LIST);
    await page.getByRole("link", { name: "Add a key…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("API key").fill("refused-by-its-provider-0001");
    await dialog.getByRole("button", { name: "Add the key" }).click();
    await dialog.getByText("It was not added.").waitFor();
    assert.equal(await dialog.getByLabel("API key").inputValue(), "", "it is not sent back");
    await dialog.getByLabel("API key").fill("accepted-by-its-provider-0001.good");
    await dialog.getByRole("button", { name: "Add the key" }).click();
    await told(page, "The provider accepts the key.");
    await page.getByRole("heading", { name: "••••good" }).waitFor();
  });

stage.test("a revealed key is shown in a dialog and copied", admin, async ({ page, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const [whole] = await server.addKeys(["to-be-revealed-and-copied-0001.copy"]);
  await page.goto(LIST);
  await rows(page).first().getByRole("link", { name: "••••copy" }).click();
  await page.getByRole("link", { name: "Reveal…" }).click();
  await page.getByRole("dialog").getByLabel("Admin token").fill(server.adminToken);
  await page.getByRole("button", { name: "Reveal the key" }).click();
  await page.getByRole("dialog").getByText(whole).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Copy" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), whole);
  await page.getByRole("dialog").getByRole("link", { name: "Close" }).last().click();
  assert.ok(!(await page.content()).includes(whole));
});

stage.test("without scripts keys are filtered, picked, changed and imported", { ...admin, javascript: false },
  async ({ page, server }) => {
    await page.goto(LIST);
    await page.getByRole("combobox", { name: "Provider" }).selectOption({ label: "Ollama Cloud" });
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(/provider=ollama/);
    await rows(page).nth(0).getByRole("checkbox").check();
    await bar(page).getByRole("button", { name: "Change…" }).click();
    await page.getByLabel("Label").fill("by hand");
    await page.getByRole("button", { name: "Save" }).click();
    await told(page, "Changed 1 key.");
    assert.equal((await listed(server, "search=by hand")).length, 1);
    await page.goto(`${LIST}/import`);
    const file = { name: "keys.txt", mimeType: "text/plain", buffer: Buffer.from("without-scripts-key-0001\n") };
    await page.locator("input[type=file]").setInputFiles(file);
    await page.getByRole("button", { name: "Show what will happen" }).click();
    await page.getByText("1 added").waitFor();
    assert.equal((await page.locator("#content").inputValue()).trim(), "without-scripts-key-0001");
  });

stage.test("a list that is refreshed does not move", admin, async ({ page, server }) => {
  await page.goto(LIST);
  await rows(page).first().waitFor();
  const { score: before } = await layoutShift(page);
  const first = await rows(page).first().getAttribute("id");
  await server.api("POST", "/admin/keys/disable", { apiKey: first.replace("key-", ""), duration: 3_600 });
  await page.evaluate(() => import(document.querySelector("script[type=module]").src.replace("app.js", "lib/visit.js"))
    .then(({ refreshSoon }) => refreshSoon()));
  await rows(page).first().getByText("Disabled").waitFor();
  const { score, moved } = await layoutShift(page);
  assert.ok(score - before < 0.02, `${score - before}: ${moved}`);
});
