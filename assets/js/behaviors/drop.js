// @ts-check
// A place to drop a file on, around <input type=file>. data-into: id of a textarea that its text is read into, so that
// it can be seen and changed; otherwise the file is uploaded with the form. data-limit: most bytes;
// data-too-large: what is said of more, with {limit} in it. <output> shows the name.
import { byId } from "../lib/dom.js";
import { bytes } from "../lib/format.js";

/** @param {HTMLElement} zone */
export function start(zone) {
  const input = zone.querySelector("input");
  if (!input) return;
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.setAttribute("data-over", "");
    });
  }
  zone.addEventListener("dragleave", () => zone.removeAttribute("data-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.removeAttribute("data-over");
    if (event.dataTransfer?.files.length) input.files = event.dataTransfer.files;
    take(zone, input);
  });
  input.addEventListener("change", () => take(zone, input));
  // Picked before this script was there.
  if (input.files?.length) take(zone, input);
}

/** @param {HTMLElement} zone @param {HTMLInputElement} input */
async function take(zone, input) {
  const file = input.files?.[0];
  const limit = Number(zone.dataset.limit ?? Infinity);
  const isTooLarge = file !== undefined && file.size > limit;
  const out = zone.querySelector("output");
  if (out) {
    const refusal = (zone.dataset.tooLarge ?? "").replace("{limit}", bytes(limit));
    out.textContent = isTooLarge ? refusal : file ? `${file.name}, ${bytes(file.size)}` : "";
    out.classList.toggle("tone-bad", isTooLarge);
  }
  if (isTooLarge) input.value = "";
  const into = byId(zone.dataset.into);
  if (!file || isTooLarge || !(into instanceof HTMLTextAreaElement)) return;
  const text = await file.text();
  into.value = into.value.trim() ? `${into.value.trimEnd()}\n${text}` : text;
  into.dispatchEvent(new Event("input", { bubbles: true }));
  // Its text is in the form now; the file itself shall not be sent besides.
  input.value = "";
}
