// From signing in to the first answered request, through the pages alone. Each test begins with nothing.

import assert from "node:assert/strict";

import { expectNoAxeViolations } from "./lib/axe.mjs";
import { completion, Gate } from "./lib/answers.mjs";
import { tabTo } from "./lib/keyboard.mjs";
import { ADMIN_TOKEN } from "./lib/server.mjs";
import { setUp } from "./lib/stage.mjs";

const KEY = `${"a7".repeat(16)}.${"Kq7Zt".repeat(4)}0001`;
const WRONG_KEY = "a-key-that-nobody-gave-out";
const ANSWER = "Hello from the 池子, at last.";

const [byMouse, byKeyboard, bare] = [await setUp(), await setUp(), await setUp()];

const refusing = { expects: [/^status 422: POST .*start\/key/] };
byMouse.test("by mouse, and the answer comes while one watches", refusing, async ({ page, server, upstream }) => {
  upstream.rejects.add(WRONG_KEY);
  await page.goto("/dashboard");
  await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL("**/dashboard/start");
  const [key, add] = [page.getByLabel("API key", { exact: true }), page.getByRole("button", { name: "Check and add" })];
  await key.fill(WRONG_KEY);
  await add.click();
  await page.getByText("Ollama Cloud does not accept this key").waitFor();
  assert.equal(await key.inputValue(), "", "a secret is not given back");
  await key.fill(KEY);
  await add.click();
  await page.getByText("1 key is in the pool.").waitFor();

  await page.getByRole("button", { name: "Make the token" }).click();
  const token = await page.locator("#first-token").textContent();
  assert.match(token, /^sk-/);
  await page.getByRole("option", { name: upstream.models[1] }).waitFor({ state: "attached" });
  await page.getByLabel("Model").selectOption(upstream.models[1]);
  const curl = page.locator("#first-curl");
  for (const part of [`${server.origin}/v1/chat/completions`, token, upstream.models[1]]) {
    assert.ok((await curl.textContent()).includes(part), part);
  }
  await expectNoAxeViolations(page);
  const gate = new Gate();
  upstream.anyKey().next(completion(ANSWER, { gate, isSplit: true }));
  await page.getByRole("button", { name: "Send" }).click();
  const answer = page.getByRole("group", { name: "Answer" });
  await answer.getByText("Hello", { exact: true }).waitFor();
  gate.open();
  await answer.getByText(ANSWER).waitFor();
  await page.getByText(/^Answered in \d+ ms, the first piece after \d+ ms\.$/).waitFor();
  assert.equal(upstream.requests.at(-1).key, KEY);

  await page.getByRole("link", { name: "Go to the overview" }).click();
  await page.waitForURL("**/dashboard");
  assert.equal(await page.locator(".stat-value").first().textContent(), "1");
  assert.equal(await page.locator("a[href='/dashboard/start']").count(), 0, "it is in use");
});

byKeyboard.test("by keyboard alone", {}, async ({ page, upstream }) => {
  upstream.anyKey().always(completion(ANSWER));
  await page.goto("/dashboard");
  await tabTo(page, page.getByLabel("Admin token"));
  await page.keyboard.type(ADMIN_TOKEN);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard/start");
  await tabTo(page, page.getByLabel("API key", { exact: true }));
  await page.keyboard.type(KEY);
  await page.keyboard.press("Enter");
  await page.getByText("1 key is in the pool.").waitFor();
  await tabTo(page, page.getByRole("button", { name: "Make the token" }));
  await page.keyboard.press("Enter");
  await page.getByRole("option", { name: upstream.models[0] }).waitFor({ state: "attached" });
  await tabTo(page, page.getByRole("button", { name: "Send" }));
  await page.keyboard.press("Enter");
  await page.getByText(ANSWER).waitFor();
  await tabTo(page, page.getByRole("link", { name: "Go to the overview" }));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard");
});

bare.test("without JavaScript, left and taken up again", { javascript: false }, async ({ page, server }) => {
  await page.goto("/dashboard");
  await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL("**/dashboard/start");
  await page.getByRole("link", { name: "Skip", exact: true }).click();
  await page.waitForURL("**/dashboard");
  await page.getByRole("link", { name: "Start", exact: true }).click();
  await page.getByLabel("API key", { exact: true }).fill(KEY);
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.goto("/dashboard");
  await page.getByRole("link", { name: "Start", exact: true }).click();
  await page.getByText("1 key is in the pool.").waitFor();
  await page.getByRole("button", { name: "Make the token" }).click();
  const token = await page.locator("#first-token").textContent();
  const response = await server.chat(token);
  assert.equal(response.status, 200, await response.text());
  await page.getByRole("link", { name: "Go to the overview" }).click();
  assert.equal(await page.locator(".stat-value").first().textContent(), "1");
});
