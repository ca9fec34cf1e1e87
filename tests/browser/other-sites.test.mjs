// What other sites can do with a browser that is signed in: nothing.

import assert from "node:assert/strict";
import { after } from "node:test";

import { PAGES } from "./lib/pages.mjs";
import { sessionCookie } from "./lib/session.mjs";
import { setUp } from "./lib/stage.mjs";
import { Stranger } from "./lib/stranger.mjs";

const ELSEWHERE = /^outside: (GET|POST) http:\/\/(localhost|127\.0\.0\.1):/;
const FRAMED = /^console: Framing .*frame-ancestors 'none'/;
const FORMS = ["/dashboard/sign-out", "/dashboard/security/sessions/end-others", "/dashboard/sign-in"];

const stage = await setUp();
const form = (action) => `<form method="post" action="${stage.server.origin}${action}">
  <input name="token" value="${stage.server.adminToken}"><button>A present for you</button></form>`;
const quoted = (html) => html.replaceAll('"', "&quot;");
const stranger = await Stranger.start({
  ...Object.fromEntries(FORMS.map((action) => [action, form(action)])),
  "/sandboxed": `<iframe sandbox="allow-forms" srcdoc="${quoted(form("/dashboard/sign-out"))}"></iframe>`,
  "/frame": "<iframe></iframe>",
  "/script": "",
});
after(() => stranger.stop());

for (const site of ["sameHost", "otherHost"]) {
  const look = { isAdmin: true, expects: [ELSEWHERE, /^status 403: POST/] };
  stage.test(`forms of another site are refused: ${site}`, look, async ({ page, context }) => {
    const before = await sessionCookie(context);
    for (const action of FORMS) {
      await page.goto(stranger[site] + action);
      await page.getByRole("button").click();
      await page.getByRole("heading", { name: "Not from here" }).waitFor();
      assert.deepEqual(await sessionCookie(context), before, action);
    }
    await page.goto("/dashboard/security");
    await page.getByText("This browser").waitFor();
  });
}

stage.test("nor is one whose origin is hidden", {
  isAdmin: true, expects: [ELSEWHERE, /^status 403: POST/, FRAMED, /^failed: POST .*sign-out/],
}, async ({ page }) => {
  await page.goto(`${stranger.sameHost}/sandboxed`);
  const answered = page.waitForResponse((response) => response.url().endsWith("/dashboard/sign-out"));
  const refused = page.waitForEvent("console");
  await page.frameLocator("iframe").getByRole("button").click();
  assert.equal((await answered).status(), 403);
  await refused;
  await page.goto("/dashboard/security");
  await page.getByText("This browser").waitFor();
});

stage.test("a script of another site neither reads nor changes", {
  isAdmin: true, expects: [ELSEWHERE, /^console: .*CORS/, /^failed: /, /^status 403: POST/],
}, async ({ page, server }) => {
  await page.goto(`${stranger.sameHost}/script`);
  const reach = (url, init) => page.evaluate(
    ([url, init]) => fetch(url, { credentials: "include", ...init }).then(({ type }) => type, ({ name }) => name),
    [server.origin + url, init],
  );
  assert.equal(await reach("/dashboard/security", {}), "TypeError");
  assert.equal(await reach("/admin/stats", {}), "TypeError");
  assert.equal(await reach("/dashboard/sign-out", { method: "POST", mode: "no-cors" }), "opaque");
  await page.goto("/dashboard/security");
  await page.getByText("This browser").waitFor();
});

for (const { path, isPublic, expects: ownFaults } of PAGES.filter(({ path }) => typeof path === "string")) {
  const expects = [ELSEWHERE, FRAMED, /^failed: .*ERR_BLOCKED_BY_RESPONSE/, ...ownFaults ?? []];
  const name = `another site cannot show it in a frame: ${path}`;
  stage.test(name, { isAdmin: !isPublic, expects }, async ({ page, server }) => {
    await page.goto(`${stranger.sameHost}/frame`);
    const refused = Promise.all([page.waitForEvent("requestfailed"), page.waitForEvent("console")]);
    await page.locator("iframe").evaluate((frame, url) => { frame.src = url; }, server.origin + path);
    await refused;
    const shown = page.frames().at(-1).url();
    assert.ok(!shown.startsWith(server.origin), shown);
  });
}
