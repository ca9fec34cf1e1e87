// Providers and the cache: a rest is counted down, a switch is taken back, what is kept is cleared.

import { error } from "./lib/answers.mjs";
import { setUp } from "./lib/stage.mjs";

const stage = await setUp({ keys: 1, options: { MAX_ATTEMPTS: "1" } });
const OLLAMA = "#provider-ollama";

stage.test("a switch is taken back with one click", { isAdmin: true }, async ({ page }) => {
  await page.goto("/dashboard/providers");
  await page.getByRole("button", { name: "Switch off Ollama Cloud" }).click();
  await page.getByText("Ollama Cloud is off: requests to it are refused.").waitFor();
  await page.locator(OLLAMA).getByText("Requests to this provider are refused").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Ollama Cloud is on.").waitFor();
  await page.locator(OLLAMA).getByText("Answering").waitFor();
});

stage.test("what rests is told with its reason until it is over", { isAdmin: true }, async (scene) => {
  const { page, server, upstream } = scene;
  const { token } = await server.addToken({ name: "client" });
  upstream.anyKey().next(error(429, { message: "you have reached your hourly usage limit", retryAfter: 5 }));
  await (await server.chat(token)).text();
  await page.goto("/dashboard/providers");
  const provider = page.locator(OLLAMA);
  await provider.getByRole("link", { name: "Cooling down" }).waitFor();
  await provider.getByText("No usable key").waitFor();
  await provider.getByText("No usable key").waitFor({ state: "detached" });
});

stage.test("what is kept is cleared after a question", { isAdmin: true }, async ({ page, server }) => {
  const { token } = await server.addToken({ name: "asker" });
  await server.api("PATCH", "/admin/settings", { "cache.mode": "all" });
  for (let n = 0; n < 2; n += 1) await (await server.chat(token, { text: "the same" })).text();
  await page.goto("/dashboard/cache");
  await page.getByText("50.0").waitFor();
  await page.getByRole("link", { name: "Clear" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("is asked for upstream again").waitFor();
  await dialog.getByRole("button", { name: "Clear" }).click();
  await page.getByText(/^Cleared \d+ entr/).waitFor();
});
