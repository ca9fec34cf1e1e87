// The page of the API and its test bench, with answers as upstreams send them.

import assert from "node:assert/strict";

import { completion, cut, error, Gate } from "./lib/answers.mjs";
import { setUp } from "./lib/stage.mjs";
import { eventually } from "./lib/wait.mjs";

const TEXT = "池子 answers — ça va? 好的。";
const stage = await setUp({ keys: 1 });
const { token } = await stage.server.addToken({ name: "bench" });

/** The bench with a token and its list of models. */
async function open(page, bearer = token) {
  await page.goto("/api-docs");
  await page.getByLabel("Client token").fill(bearer);
  const part = (name) => page.locator(`[data-bench="${name}"]`);
  await page.locator("#bench-model option").first().waitFor({ state: "attached" });
  const send = async () => {
    await page.getByRole("button", { name: "Send" }).click();
  };
  const ended = (state) => part("state").getByText(state, { exact: true }).waitFor();
  return { part, send, ended };
}

/** An answer that is written as it is. */
const raw = (lines) => async (_received, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(lines.map((line) => `data: ${typeof line === "string" ? line : JSON.stringify(line)}\n\n`).join(""));
};

stage.test("an answer streams in, whole characters though they come in parts", {}, async ({ page, upstream }) => {
  const { part, send, ended } = await open(page);
  const gate = new Gate();
  upstream.anyKey().next(completion(TEXT, { isSplit: true, usage: [12, 34], gate }));
  await page.getByLabel("System message").fill("Be brief.");
  await page.getByLabel("Message", { exact: true }).fill("Hello 你好");
  await send();
  await part("text").getByText("池子").waitFor();
  await ended("Streaming");
  assert.equal(await part("text").getAttribute("aria-busy"), "true");
  gate.open();
  await ended("Done");
  assert.equal(await part("text").textContent(), TEXT);
  assert.equal(await part("tokens").textContent(), "34");
  for (const name of ["first", "total"]) assert.match(await part(name).textContent(), /^[\d.]+ m?s$/);
  const { json } = await upstream.received("the chat", ({ json }) => json?.messages?.at(-1)?.content === "Hello 你好");
  assert.deepEqual(json.messages[0], { role: "system", content: "Be brief." });
  assert.equal(json.stream, true);
});

stage.test("a whole answer is shown as a whole, with the limits that were set", {}, async ({ page, upstream }) => {
  const { part, send, ended } = await open(page);
  upstream.anyKey().next(completion(TEXT, { usage: [1_200, 56] }));
  await page.getByLabel("Stream the answer").uncheck();
  await page.getByLabel("Most tokens of the answer").fill("77");
  await page.getByLabel("Temperature").fill("1.5");
  await send();
  await ended("Done");
  assert.equal(await part("text").textContent(), TEXT);
  const { json } = await upstream.received("the chat", ({ json }) => json?.max_tokens === 77);
  assert.equal(json.temperature, 1.5);
  assert.equal(json.stream ?? false, false);
  assert.equal(await page.locator("#bench-temperature-out").textContent(), "1.50");
});

stage.test("reasoning stands apart from the answer", {}, async ({ page, upstream }) => {
  const { part, send, ended } = await open(page);
  const delta = (content) => ({ choices: [{ index: 0, delta: content }] });
  const lines = [{ reasoning_content: "Let me " }, { reasoning: "think." }, { content: "42" }];
  upstream.anyKey().next(raw([...lines.map(delta), "[DONE]"]));
  await send();
  await ended("Done");
  assert.equal(await part("reasoning-text").textContent(), "Let me think.");
  assert.equal(await part("text").textContent(), "42");
});

stage.test("what is stopped stays as far as it came", {}, async ({ page, upstream }) => {
  const { part, send, ended } = await open(page);
  const gate = new Gate();
  upstream.anyKey().next(completion("First and then more", { gate }));
  await send();
  await part("text").getByText("First").waitFor();
  await page.getByRole("button", { name: "Stop" }).press("Enter");
  await ended("Stopped");
  assert.equal(await part("text").textContent(), "First");
  assert.ok(await page.getByRole("button", { name: "Send" }).evaluate((button) => button === document.activeElement));
  assert.ok(await part("error").isHidden());
  gate.open();
});

stage.test("errors are told in words, with their status", { lang: "zh-CN" }, async ({ page, watch, upstream }) => {
  watch.expect(/^status 400: POST/);
  await page.goto("/api-docs");
  await page.getByLabel("客户端令牌").fill(token);
  await page.locator("#bench-model option").first().waitFor({ state: "attached" });
  upstream.anyKey().next(error(400, { message: "prompt <b>too long</b>" }));
  await page.getByRole("button", { name: "发送" }).click();
  await page.getByText("状态码 400").waitFor();
  await page.getByText("请求体不是 JSON 对象").first().waitFor();
  assert.equal(await page.locator("[data-bench=error-words]").textContent(), "prompt <b>too long</b>");
});

stage.test("a token that is not known is told at once", { expects: [/^status 401:/] }, async ({ page }) => {
  await page.goto("/api-docs");
  await page.getByLabel("Client token").fill("sk-nobody-knows-this-token");
  await page.getByText("The models cannot be listed: Status 401").waitFor();
});

stage.test("an answer that breaks off is no answer", { expects: [/^failed: POST/] }, async ({ page, upstream }) => {
  const { part, send, ended } = await open(page);
  // A browser that has not read yet throws away what came before the break.
  const gate = new Gate();
  upstream.anyKey().next(cut("This sentence is", { gate }));
  await send();
  await part("text").filter({ hasText: "This sentence is" }).waitFor();
  gate.open();
  await ended("Failed");
  assert.equal(await part("text").textContent(), "This sentence is");
  assert.match(await part("error-text").textContent(), /broke off/);
});

stage.test("all templates run one after the other", {}, async ({ page, upstream }) => {
  const { ended } = await open(page);
  const before = upstream.requests.length;
  await page.getByRole("button", { name: "Run all 8" }).click();
  const rows = page.locator("[data-bench=results] tbody tr");
  await eventually("all results", async () => (await rows.getByText("Done").count()) === 8);
  await ended("Done");
  assert.equal(upstream.requests.slice(before).filter(({ json }) => json?.messages).length, 8);
  await page.getByRole("button", { name: "Legal brief" }).click();
  assert.equal(await page.getByRole("button", { name: "Legal brief" }).getAttribute("aria-pressed"), "true");
  assert.notEqual(await page.getByLabel("Message", { exact: true }).inputValue(), "");
});

stage.test("the token is kept in this tab if somebody wants that", {}, async ({ page }) => {
  await open(page);
  const stored = () => page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  assert.ok(!(await stored()).includes(token));
  await page.getByLabel("Keep it until this tab is closed").check();
  await page.reload();
  await eventually("the token to be back", async () => (await page.getByLabel("Client token").inputValue()) === token);
  await page.getByLabel("Keep it until this tab is closed").uncheck();
  assert.ok(!(await stored()).includes(token));
  await page.reload();
  assert.equal(await page.getByLabel("Client token").inputValue(), "");
});

stage.test("a request can be copied, without its token", {}, async ({ page, context, server }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page);
  await page.getByLabel("Message", { exact: true }).fill("It's \"quoted\" \\ here");
  const copied = async (name) => {
    await page.locator("#bench").getByRole("button", { name, exact: true }).click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const curl = await copied("curl");
  assert.ok(curl.includes(`${server.origin}/v1/chat/completions`) && curl.includes("It'\\''s"), curl);
  const body = JSON.parse(curl.slice(curl.indexOf("-d '") + 4, -1).replaceAll("'\\''", "'"));
  assert.equal(body.messages[0].content, "It's \"quoted\" \\ here");
  const [python, node] = [await copied("Python"), await copied("Node")];
  assert.ok(python.includes('"It\'s \\"quoted\\" \\\\ here"') && python.includes("stream=True"), python);
  assert.ok(node.includes("process.env.TOKEN") && node.includes("for await"), node);
  for (const text of [curl, python, node]) assert.ok(!text.includes(token));
});

stage.test("without a script everything but the bench is there", { javascript: false }, async ({ page, server }) => {
  await page.goto("/api-docs");
  await page.getByText("The test bench needs JavaScript.").waitFor();
  assert.ok(await page.getByLabel("Client token").isHidden());
  assert.ok((await page.locator("#sample-curl").textContent()).includes(`${server.origin}/v1/chat/completions`));
  for (const status of ["400", "429", "504"]) {
    assert.ok(await page.locator("#errors").getByRole("rowheader", { name: status }).isVisible());
  }
});
