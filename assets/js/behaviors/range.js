// @ts-check
// Shows the value of a range input in the element data-out, with as many decimals as its step has.
import { byId } from "../lib/dom.js";

/** @param {HTMLInputElement} input */
export function start(input) {
  input.addEventListener("input", () => update(input));
  update(input);
}

/** @param {HTMLInputElement} input */
export function update(input) {
  const out = byId(input.dataset.out);
  const decimals = (input.step.split(".")[1] ?? "").length;
  if (out) out.textContent = Number(input.value).toFixed(decimals);
}
