// What an outsider controls is text and nothing else, on every page: names of models and tokens, labels, browsers' names,
// and what upstreams say.

import assert from "node:assert/strict";

import { error } from "./lib/answers.mjs";
import { PAGES } from "./lib/pages.mjs";
import { ADMIN_TOKEN } from "./lib/server.mjs";
import { setUp } from "./lib/stage.mjs";
import { eventually } from "./lib/wait.mjs";

/** Each would leave a mark where it became more than text: as an element, in an attribute, in a script's JSON. */
const PAYLOADS = [
  "<script>window.struck = 1</script>",
  "<img src=x onerror=window.struck=1>",
  "\"><svg onload=window.struck=1>",
  "' autofocus onfocus=window.struck=1 x='",
  "</script><script>window.struck=1</script>",
  "</title><b id=struck>x</b>",
  "{{ 7 * 7 }}${7*7}{% raw %}",
];

const stage = await setUp();
const ids = await seed(stage);

/** Everything that can be said from outside is said. */
async function seed({ server, upstream }) {
  const keys = PAYLOADS.map((label, n) => ({ api_key: `hostile-upstream-key-000${n}`, username: label }));
  for (const key of keys) await server.api("POST", "/admin/api-keys", key);
  const tokens = [];
  for (const name of PAYLOADS) tokens.push(await server.addToken({ name }));
  upstream.anyKey().always(error(400, { message: PAYLOADS.join(" ") }));
  for (const model of PAYLOADS) await server.chat(tokens[0].token, { model });
  upstream.models = PAYLOADS;
  const { jobId, id } = await server.api("POST", "/admin/keys/health-check", { async: true });
  await eventually("the job to end", async () => (await server.api("GET", `/admin/jobs/${jobId ?? id}`)).endedAt);
  for (const agent of PAYLOADS) {
    await fetch(`${server.origin}/dashboard/sign-in`, {
      method: "POST", redirect: "manual",
      headers: { origin: server.origin, "user-agent": agent },
      body: new URLSearchParams({ token: ADMIN_TOKEN }),
    });
  }
  const { api_keys: listed } = await server.api("GET", "/admin/api-keys");
  return { key: listed[0].id, token: tokens[0].id, job: jobId ?? id };
}

for (const { name, path, isPublic, isTheirs, expects } of PAGES) {
  if (isTheirs) continue;
  stage.test(`${name} shows what is hostile as text`, { isAdmin: !isPublic, expects }, async ({ page }) => {
    for (const lang of ["en", "zh-CN"]) {
      await page.setExtraHTTPHeaders({ "accept-language": lang });
      await page.goto(typeof path === "function" ? path(ids) : path);
      await page.waitForLoadState("networkidle");
      const found = await page.evaluate(() => ({
        struck: Reflect.get(window, "struck"),
        elements: document.querySelectorAll("#struck, img, [onerror], [onload], [onfocus], iframe, object").length,
        scripts: [...document.scripts].filter((script) => !script.src && script.type !== "application/json").length,
      }));
      assert.deepEqual(found, { struck: undefined, elements: 0, scripts: 0 });
      assert.ok(!(await page.content()).includes(">49$49"), "a template was evaluated");
    }
  });
}

stage.test("it does arrive there", { isAdmin: true }, async ({ page }) => {
  await page.goto("/dashboard/keys");
  await page.getByText(PAYLOADS[0], { exact: true }).first().waitFor();
  await page.goto("/dashboard/tokens");
  await page.getByText(PAYLOADS[1], { exact: true }).first().waitFor();
  await page.goto("/dashboard/security");
  await page.getByText(PAYLOADS[2]).first().waitFor();
  await page.goto("/dashboard");
  await page.getByText(PAYLOADS[0]).first().waitFor();
});
