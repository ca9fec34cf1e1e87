// @ts-check
// Opens a form page in a dialog: a link's href, or the answer to a form that a button sends. Shown is the [data-dialog]
// of that page; a page without one is visited. Inside, a form's answer 422 or 200 replaces what is shown, a redirect is
// visited; [data-close] closes. The browser keeps the focus inside and gives it back.
import { isForBrowser, request, say } from "../lib/dom.js";
import { startAll } from "../lib/start.js";
import { parse, receive, refreshSoon } from "../lib/visit.js";

/** @param {HTMLAnchorElement | HTMLButtonElement} trigger */
export function start(trigger) {
  trigger.addEventListener("click", async (/** @type {any} */ event) => {
    const form = trigger instanceof HTMLButtonElement ? trigger.form : null;
    if (form ? event.defaultPrevented : isForBrowser(event, /** @type {HTMLAnchorElement} */ (trigger))) return;
    if (form && !form.reportValidity()) return event.preventDefault();
    event.preventDefault();
    if (trigger.getAttribute("aria-busy") === "true") return;
    trigger.setAttribute("aria-busy", "true");
    await ask(form ? request(form, trigger) : { url: /** @type {HTMLAnchorElement} */ (trigger).href });
    trigger.removeAttribute("aria-busy");
  });
}

/** @typedef {{ url: string, method?: string, body?: FormData | URLSearchParams }} Request */

/** @param {Request} what @param {HTMLDialogElement} [dialog] the one that shows the answer */
async function ask(what, dialog) {
  const { url, method, body } = what;
  let response;
  try {
    response = await fetch(url, { method, body, headers: { Accept: "text/html" } });
  } catch {
    // What a form asked for may have been done all the same, so it is not sent again.
    if (method === "POST") return say(document.body.dataset.offline, dialog);
    return location.assign(url);
  }
  const isMeant = !response.redirected || !method;
  const sheet = isMeant && response.headers.get("content-type")?.startsWith("text/html")
    ? (await parse(response.clone())).querySelector("[data-dialog]")
    : null;
  if (!sheet) {
    dialog?.close();
    return receive(response, { method, body, push: true });
  }
  fill(dialog ?? make(), document.importNode(sheet, true));
  if (dialog && response.ok && method === "POST") dialog.dataset.changed = "";
}

function make() {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const isTouched = dialog.querySelector("[data-touched]") !== null;
    if (target.closest("[data-close]")) event.preventDefault();
    if (target.closest("[data-close]") || (target === dialog && !isTouched)) dialog.close();
  });
  dialog.addEventListener("input", () => dialog.firstElementChild?.setAttribute("data-touched", ""));
  dialog.addEventListener("submit", async (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    const sheet = dialog.querySelector(".sheet");
    if (sheet?.getAttribute("aria-busy") === "true") return;
    sheet?.setAttribute("aria-busy", "true");
    await ask(request(/** @type {HTMLFormElement} */ (event.target), event.submitter), dialog);
    sheet?.removeAttribute("aria-busy");
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    // Something was made and shown here; the page below does not know of it yet.
    if ("changed" in dialog.dataset) refreshSoon();
  });
  document.body.append(dialog);
  return dialog;
}

/** @param {HTMLDialogElement} dialog @param {Element} sheet */
function fill(dialog, sheet) {
  dialog.setAttribute("aria-label", sheet.querySelector("h1, h2")?.textContent ?? "");
  sheet.removeAttribute("aria-labelledby");
  dialog.replaceChildren(sheet);
  startAll(sheet);
  if (!dialog.open) dialog.showModal();
  const first = sheet.querySelector("[aria-invalid=true]") ?? sheet.querySelector("[autofocus], [data-start]") ??
    sheet.querySelector(".sheet-body :is(input:not([type=hidden]), textarea, select, button), .sheet-foot .button");
  /** @type {HTMLElement | null} */ (first)?.focus();
}
