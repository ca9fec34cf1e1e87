// What is around every page: languages, themes, navigation, what is not there.

import assert from "node:assert/strict";

import { setUp } from "./lib/stage.mjs";

const stage = await setUp();

stage.test("the language is the browser's until it is switched, then it stays", {}, async ({ page }) => {
  await page.goto("/dashboard/sign-in");
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  await page.getByRole("link", { name: "中文" }).click();
  await page.getByRole("heading", { name: "登录" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  assert.match(page.url(), /\/dashboard\/sign-in$/);
  await page.goto("/dashboard/security");
  await page.getByRole("heading", { name: "登录" }).waitFor();
  await page.getByRole("link", { name: "English" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

stage.test("a Chinese browser is answered in Chinese", { lang: "zh-CN" }, async ({ page }) => {
  await page.goto("/dashboard/sign-in");
  await page.getByRole("heading", { name: "登录" }).waitFor();
});

stage.test("the theme is the device's until it is switched, then it stays", { theme: "dark" }, async ({ page }) => {
  const canvas = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.goto("/dashboard/sign-in");
  const dark = await canvas();
  await page.emulateMedia({ colorScheme: "light" });
  const light = await canvas();
  assert.notEqual(light, dark);
  const button = page.getByRole("button", { name: /^Theme: / });
  await button.and(page.getByRole("button", { name: "Theme: as the device" })).click();
  while (await button.getAttribute("aria-label") !== "Theme: dark") await button.click();
  assert.equal(await canvas(), dark);
  await page.goto("/dashboard/security");
  assert.equal(await canvas(), dark);
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
});

stage.test("on a phone the navigation is behind a button", { isAdmin: true, isPhone: true }, async ({ page }) => {
  await page.goto("/dashboard/security");
  const nav = page.getByRole("navigation", { name: "Console" });
  await nav.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Menu" }).tap();
  await nav.waitFor();
  assert.equal(await nav.getByRole("link", { name: "Security" }).getAttribute("aria-current"), "page");
  await page.keyboard.press("Escape");
  await nav.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Menu" }).tap();
  await nav.getByRole("link", { name: "Security" }).tap();
  await nav.waitFor({ state: "hidden" });
});

stage.test("the keyboard skips to the content", { isAdmin: true }, async ({ page }) => {
  await page.goto("/dashboard/security");
  await page.keyboard.press("Tab");
  await page.getByRole("link", { name: "Skip to content" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("main:focus").waitFor();
});

const bare = { javascript: false, isPhone: true };
stage.test("without JavaScript everything of the frame works", bare, async ({ page, server }) => {
  await page.goto("/dashboard/security");
  await page.getByLabel("Admin token").fill(server.adminToken);
  await page.getByRole("button", { name: "Sign in", exact: true }).tap();
  await page.getByRole("heading", { name: "Security" }).waitFor();
  await page.getByRole("button", { name: "Menu" }).tap();
  await page.getByRole("link", { name: "中文" }).tap();
  await page.getByRole("heading", { name: "安全" }).waitFor();
  const scripted = page.getByRole("button", { name: /^(Theme|主题)/ });
  assert.equal(await scripted.count(), 0, "what needs a script is not shown");
  await page.getByRole("button", { name: "菜单" }).tap();
  await page.locator("#nav").getByRole("button", { name: "退出登录" }).tap();
  await page.getByRole("heading", { name: "登录" }).waitFor();
});

for (const { path, isAdmin } of [
  { path: "/nothing-here", isAdmin: false },
  { path: "/dashboard/nothing-here", isAdmin: true },
  { path: "/%3Cscript%3Ealert(1)%3C/script%3E", isAdmin: false },
]) {
  stage.test(`a page that is not there says so: ${path}`, { isAdmin, expects: [/^status 404:/] }, async ({ page }) => {
    const answer = await page.goto(path);
    assert.equal(answer.status(), 404);
    await page.getByRole("heading", { name: "Nothing here" }).waitFor();
    const home = page.getByRole("link", { name: "To the first page" });
    assert.equal(await home.getAttribute("href"), "/");
  });
}
