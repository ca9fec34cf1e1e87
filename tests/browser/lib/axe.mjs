// Accessibility, as far as a machine can tell.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails with each violation that axe-core finds, and where it is. `within` narrows it to an element. */
export async function expectNoAxeViolations(page, { within = undefined } = {}) {
  await page.evaluate(AXE);
  const results = await page.evaluate((selector) => globalThis.axe.run(selector ?? document), within);
  const told = results.violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => [`${id}: ${node.target.join(" ")}`, node.html, node.failureSummary].join("\n")));
  if (told.length > 0) throw new Error(`axe-core, ${page.url()}:\n${told.join("\n\n")}`);
}
