// The way into the console and out of it.

import assert from "node:assert/strict";

import { openContext } from "./lib/browser.mjs";
import { tabTo } from "./lib/keyboard.mjs";
import { ADMIN_TOKEN } from "./lib/server.mjs";
import { sessionCookie, signIn } from "./lib/session.mjs";
import { setUp } from "./lib/stage.mjs";

const DAY_S = 24 * 60 * 60;
const HOME = "/dashboard/security";
const REFUSED = [/^status 401: POST .*sign-in/];

// With a key there is something, and signing in leads to the overview.
const stage = await setUp({ keys: 1 });

stage.test("the keyboard is enough to sign in and out", {}, async ({ page }) => {
  await page.goto(HOME);
  await page.waitForURL("**/dashboard/sign-in?next=*");
  await tabTo(page, page.getByLabel("Admin token"));
  await page.keyboard.type(ADMIN_TOKEN);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${HOME}`);
  await tabTo(page, signOut(page));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard/sign-in");
  await page.goto(HOME);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

for (const { lang, label, submit, message } of [
  { lang: "en-US", label: "Admin token", submit: "Sign in", message: "This is not the admin token." },
  { lang: "zh-CN", label: "管理员令牌", submit: "登录", message: "管理员令牌不正确。" },
]) {
  for (const javascript of [true, false]) {
    const name = `a wrong token is refused and says so: ${lang}${javascript ? "" : ", without JavaScript"}`;
    stage.test(name, { lang, javascript, expects: REFUSED }, async ({ page, context }) => {
      await page.goto(HOME);
      await page.getByLabel(label, { exact: true }).fill("a-token-that-nobody-has-made");
      await page.getByRole("button", { name: submit, exact: true }).click();
      const field = page.getByLabel(label, { exact: true });
      await page.getByText(message).waitFor();
      assert.equal(await field.inputValue(), "", "a secret is not given back");
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      const described = await field.getAttribute("aria-describedby");
      const texts = await Promise.all(described.split(" ").map((id) => page.locator(`#${id}`).textContent()));
      assert.ok(texts.join(" ").includes(message), texts.join(" "));
      assert.equal(await sessionCookie(context), undefined);
      // From here the right one leads to where one wanted to go.
      await field.fill(ADMIN_TOKEN);
      await page.getByRole("button", { name: submit, exact: true }).click();
      await page.waitForURL(`**${HOME}`);
    });
  }
}

stage.test("the cookie is for this server alone, and for no script", {}, async ({ page, context }) => {
  await enter(page);
  const { value, expires, ...cookie } = await sessionCookie(context);
  assert.deepEqual([cookie.name, cookie.domain, cookie.path], ["admin_session", "127.0.0.1", "/"]);
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Lax"]);
  assert.match(value, /^[0-9a-f]{64}$/);
  const days = (expires - Date.now() / 1000) / DAY_S;
  assert.ok(days > 6.9 && days < 7.1, `${days} days`);
  assert.ok(!(await page.evaluate(() => document.cookie)).includes("session"));
});

stage.test("a browser that is not to remember forgets with its end", {}, async ({ page, context }) => {
  await enter(page, { isKept: false });
  assert.equal((await sessionCookie(context)).expires, -1);
});

stage.test("a cookie that was planted before leads nowhere after", {}, async ({ page, context, server }) => {
  const planted = { name: "admin_session", value: "5e".repeat(32), url: server.origin };
  await context.addCookies([planted]);
  await enter(page);
  const own = await sessionCookie(context);
  assert.notEqual(own.value, planted.value);
  const { context: attacker } = await openContext(stage.browser, server.origin);
  await attacker.addCookies([planted]);
  assert.match((await attacker.request.get(HOME)).url(), /\/dashboard\/sign-in/);
  // Nor is a session taken over by whoever signs in at the same browser next.
  const next = await signIn(context, server);
  assert.notEqual(next.value, own.value);
  await attacker.close();
});

stage.test("a cookie that was signed out is worth nothing", { isAdmin: true }, async ({ page, context, server }) => {
  const cookie = await sessionCookie(context);
  await page.goto(HOME);
  await signOut(page).click();
  await page.waitForURL("**/dashboard/sign-in");
  assert.equal(await sessionCookie(context), undefined);
  await context.addCookies([{ name: cookie.name, value: cookie.value, url: server.origin }]);
  await page.goto(HOME);
  assert.match(page.url(), /\/dashboard\/sign-in/);
});

stage.test("one comes back to the console, and to no other address", {}, async ({ context, server }) => {
  for (const [next, expected] of [
    ["/dashboard/security?a=1", "/dashboard/security?a=1"],
    ["//localhost:1/dashboard/", "/dashboard"],
    ["https://localhost:1/dashboard/", "/dashboard"],
    ["/\\localhost:1/dashboard/", "/dashboard"],
    ["/admin/backup", "/dashboard"],
    ["javascript:alert(1)", "/dashboard"],
  ]) {
    const form = { token: ADMIN_TOKEN, next };
    const headers = { origin: server.origin };
    const answer = await context.request.post("/dashboard/sign-in", { form, headers, maxRedirects: 0 });
    assert.deepEqual([answer.status(), answer.headers().location], [303, expected], next);
  }
});

async function enter(page, { isKept = true } = {}) {
  await page.goto(HOME);
  await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
  if (!isKept) await page.getByLabel("Stay signed in for 7 days").uncheck();
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`**${HOME}`);
}

/** Not the ones that sign out other sessions. */
function signOut(page) {
  return page.getByRole("navigation", { name: "Console" }).getByRole("button", { name: "Sign out" });
}
