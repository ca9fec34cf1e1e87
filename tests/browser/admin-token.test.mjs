// Another admin token: everybody is signed out by it, at once.

import assert from "node:assert/strict";

import { openContext } from "./lib/browser.mjs";
import { signIn } from "./lib/session.mjs";
import { setUp } from "./lib/stage.mjs";

// Without the option the server made its own, which alone can be reset.
const stage = await setUp({ options: { ADMIN_TOKEN: undefined } });

stage.test("a reset ends every session", { isAdmin: true, expects: [/^status 422:/] }, async ({ page, server }) => {
  const { context: elsewhere } = await openContext(stage.browser, server.origin);
  await signIn(elsewhere, server);
  const there = await elsewhere.newPage();
  await there.goto("/dashboard/security");
  await there.getByText("This browser").waitFor();

  await page.goto("/dashboard/security");
  await page.getByLabel("Admin token in force").fill("not the admin token in force");
  await page.getByRole("button", { name: /Make a new admin token/ }).click();
  await page.getByText("This is not the admin token.").waitFor();
  await page.getByLabel("Admin token in force").fill(server.adminToken);
  await page.getByRole("button", { name: /Make a new admin token/ }).click();
  await page.getByRole("heading", { name: "The new admin token" }).waitFor();
  const token = (await page.locator("#new-token").textContent()).trim();

  await there.goto("/dashboard/security");
  assert.match(there.url(), /\/dashboard\/sign-in/);
  await page.goto("/dashboard/security");
  assert.match(page.url(), /\/dashboard\/sign-in/);
  await assert.rejects(server.api("GET", "/admin/stats"), /401/);
  server.adminToken = token;
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL("**/dashboard/security");
  await elsewhere.close();
});

stage.test("one can sign out everywhere else", { isAdmin: true }, async ({ page, server }) => {
  const { context: elsewhere } = await openContext(stage.browser, server.origin);
  await signIn(elsewhere, server);
  await page.goto("/dashboard/security");
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await page.getByRole("status").getByText(/Signed out in \d+ other place/).waitFor();
  assert.match((await elsewhere.request.get("/dashboard/security")).url(), /\/dashboard\/sign-in/);
  await page.goto("/dashboard/security");
  await page.getByText("This browser").waitFor();
  await elsewhere.close();
});
