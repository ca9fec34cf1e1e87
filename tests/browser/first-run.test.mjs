// From a server that nobody has used to its first answered request: by mouse, with the keyboard alone, without scripts.

import assert from "node:assert/strict";

import { completion, Gate } from "./lib/answers.mjs";
import { expectNoAxeViolations } from "./lib/axe.mjs";
import { tabTo } from "./lib/keyboard.mjs";
import { ADMIN_TOKEN } from "./lib/server.mjs";
import { setUp } from "./lib/stage.mjs";

const KEY = "0123456789abcdef0123456789abcdef.AbCdEfGhIjKlMnOpQrStUvWx";
const ANSWER = "Hello 世界, 你好 👋";

const [mouse, keyboard, unscripted] = [await setUp(), await setUp(), await setUp()];

/** Signs in where one lands, and gives the way that the server then shows. */
async function begin(page) {
  await page.goto("/dashboard/sign-in");
  await page.getByLabel("Admin token", { exact: true }).fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/dashboard/start");
}

mouse.test("three steps lead to an answer on the page", { expects: [/^status 422: POST .*start\/key/] }, async ({ page, server, upstream }) => {
  const gate = new Gate();
  upstream.anyKey().always(completion(ANSWER, { isSplit: true, gate }));
  await begin(page);
  await expectNoAxeViolations(page);
  upstream.rejects.add("a-key-that-is-wrong");
  await page.getByLabel("API key", { exact: true }).fill("a-key-that-is-wrong");
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.getByText("Ollama Cloud does not accept this key (status 401), so it was not added.").waitFor();
  await page.getByLabel("API key", { exact: true }).fill(KEY);
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.locator("#flash").getByText("Ollama Cloud accepts the key.").waitFor();
  await page.getByText("1 key is in the pool.").waitFor();
  await page.getByRole("button", { name: "Make the token" }).click();
  const token = await page.locator("#first-token").textContent();
  assert.match(token, /^sk-[A-Za-z0-9]{48}$/);
  await page.getByLabel("Model").selectOption("qwen3-coder:480b");
  await expectNoAxeViolations(page);
  await page.getByRole("tab", { name: "Python" }).click();
  const sample = page.locator("#first-python");
  assert.ok((await sample.textContent()).includes(`base_url="${server.origin}/v1", api_key="${token}"`));
  assert.ok((await sample.textContent()).includes('model="qwen3-coder:480b"'));
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("[data-answer]").getByText("Hello", { exact: true }).waitFor();
  gate.open();
  await page.getByText(/^Answered in .+, the first piece after .+\.$/).waitFor();
  assert.equal(await page.locator("[data-answer]").textContent(), ANSWER);
  await page.getByRole("link", { name: "Go to the overview" }).last().click();
  await page.waitForURL("**/dashboard");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(await page.locator(".stat .stat-value").first().textContent(), "1");
  assert.equal(await page.locator("a[href='/dashboard/start']").count(), 0, "the server is in use");
});

keyboard.test("the keyboard is enough", {}, async ({ page, upstream }) => {
  upstream.anyKey().always(completion(ANSWER));
  await begin(page);
  await page.getByLabel("API key", { exact: true }).focus();
  await page.keyboard.type(KEY);
  await page.keyboard.press("Enter");
  await page.getByText("1 key is in the pool.").waitFor();
  await tabTo(page, page.getByRole("button", { name: "Make the token" }));
  await page.keyboard.press("Enter");
  await page.locator("#first-token").waitFor();
  await tabTo(page, page.getByRole("button", { name: "Send" }));
  await page.keyboard.press("Enter");
  await page.getByText(/^Answered in /).waitFor();
  assert.equal(await page.locator("[data-answer]").textContent(), ANSWER);
});

unscripted.test("forms do without scripts", { javascript: false }, async ({ page, upstream, server }) => {
  upstream.anyKey().always(completion(ANSWER));
  await begin(page);
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
  const curl = await page.locator("#first-curl").textContent();
  assert.ok(curl.includes(`${server.origin}/v1/chat/completions`) && curl.includes(`Bearer ${token}`), curl);
  assert.ok(await page.locator("#first-node").isVisible(), "every sample is there");
});
