// @ts-check
// Shows or hides what is typed into the password field data-for.
import { byId } from "../lib/dom.js";

/** @param {HTMLElement} button */
export function start(button) {
  button.addEventListener("click", () => {
    const field = byId(button.dataset.for);
    if (!(field instanceof HTMLInputElement)) return;
    const isShown = field.type === "text";
    field.type = isShown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!isShown));
    const use = button.querySelector("use");
    use?.setAttribute("href", (use.getAttribute("href") ?? "").replace(/#.*/, isShown ? "#eye" : "#eye-off"));
  });
}
