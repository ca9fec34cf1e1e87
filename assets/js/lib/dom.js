// @ts-check
// What several behaviors need of the document.
import { startAll } from "./start.js";

/** @param {string | undefined} id @returns {HTMLElement | null} */
export const byId = (id) => (id ? document.getElementById(id) : null);

/** Whether a click shall be left to the browser: another tab, a download, another site.
 * @param {MouseEvent} event @param {HTMLAnchorElement} link */
export const isForBrowser = (event, link) =>
  event.defaultPrevented ||
  event.button !== 0 ||
  event.ctrlKey ||
  event.metaKey ||
  event.shiftKey ||
  event.altKey ||
  link.hasAttribute("download") ||
  (link.target !== "" && link.target !== "_self") ||
  link.origin !== location.origin;

/** What a form would send. Empty fields of a GET form stay out of the address.
 * @param {HTMLFormElement} form @param {HTMLElement | null} [submitter]
 * @returns {{ url: string, method: string, body?: FormData | URLSearchParams }} */
export function request(form, submitter = null) {
  // Not `form.action`: a button named `action` would hide it.
  const of = (/** @type {string} */ name) => submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name);
  const url = new URL(of("action") || location.href, location.href);
  const method = (of("method") ?? "get").toUpperCase();
  const data = new FormData(form, submitter);
  if (of("enctype") === "multipart/form-data") return { url: url.href, method, body: data };
  const body = new URLSearchParams(/** @type {any} */ (data));
  if (method !== "GET") return { url: url.href, method, body };
  for (const [name, value] of [...body]) if (value === "") body.delete(name, value);
  url.search = body.toString();
  return { url: url.href, method };
}

/** Shows a text of the page in a toast; in a dialog, as that lies above all others.
 * @param {string | undefined} text @param {Element | null} [dialog] */
export function say(text, dialog = null) {
  const template = /** @type {HTMLTemplateElement | null} */ (byId("toast"));
  const toast = template?.content.firstElementChild?.cloneNode(true);
  if (!(toast instanceof HTMLElement) || !text) return;
  const words = toast.querySelector("p");
  if (words) words.textContent = text;
  if (dialog) {
    dialog.querySelector(".toast")?.remove();
    dialog.append(toast);
  } else byId("flash")?.replaceChildren(toast);
  startAll(toast);
}

/** Hands a file that a form answered with to the reader. @param {Response} response */
export async function save(response) {
  const named = /filename="?([^";]+)/.exec(response.headers.get("content-disposition") ?? "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = named?.[1] ?? "";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
