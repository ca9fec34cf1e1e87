// @ts-check
// Copies a text, and says so with the icon for 1.6 s and to a screen reader.
// data-copy: the text; data-copy-from: instead the id of what shows it (hidden panels inside are left out);
// data-copied: what is said afterwards.
import { write } from "../lib/clipboard.js";
import { byId } from "../lib/dom.js";

/** @param {HTMLElement} button */
export function start(button) {
  button.addEventListener("click", async () => {
    const source = byId(button.dataset.copyFrom);
    await write(button.dataset.copy ?? (source ? textOf(source) : ""));
    const use = button.querySelector("use");
    const before = use?.getAttribute("href") ?? "";
    const label = button.getAttribute("aria-label") ?? "";
    if (button.hasAttribute("data-done")) return;
    use?.setAttribute("href", before.replace(/#.*/, "#check"));
    button.setAttribute("aria-label", button.dataset.copied ?? label);
    button.setAttribute("data-done", "");
    setTimeout(() => {
      use?.setAttribute("href", before);
      button.setAttribute("aria-label", label);
      button.removeAttribute("data-done");
    }, 1600);
  });
}

/** @param {HTMLElement} source */
function textOf(source) {
  if (source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement) return source.value;
  const panel = source.querySelector("[role=tabpanel]:not([hidden])");
  return (panel ?? source).textContent?.trim() ?? "";
}
