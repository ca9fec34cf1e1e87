// @ts-check
// Puts a text where it can be pasted from.

/** Without TLS a browser offers no clipboard, but it still carries out the command of old. @param {string} text */
export async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  area.select();
  document.execCommand("copy");
  area.remove();
  focused?.focus();
}
