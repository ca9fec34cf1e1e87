// @ts-check
// Entry: starts the behaviors of the page, and what belongs to no single element: the way back, and the key `/`.
import { startAll } from "./lib/start.js";
import { goBack } from "./lib/visit.js";

addEventListener("popstate", goBack);

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const isTyping = target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  const search = /** @type {HTMLInputElement | null} */ (document.querySelector("#main input[type=search]"));
  if (!search || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  search.select();
});

startAll(document);
