// @ts-check
// Links and forms inside of the element (or the element itself) are visits instead of loads. GET forms also go while
// one types into a search field, and when a choice changes. Links and buttons that open dialogs are left to those.
// data-scroll on a part of it: id of what shall be in view afterwards. data-boost="off" leaves one link or form out.
import { isForBrowser, request } from "../lib/dom.js";
import { visit } from "../lib/visit.js";

const typingPauseMs = 250;
const isOff = (/** @type {Element} */ element) => element.matches("[data-boost=off], [data-behavior~=dialog]");
const scrollOf = (/** @type {Element} */ element) =>
  element.closest("[data-scroll]")?.getAttribute("data-scroll") ?? undefined;

/** @param {HTMLElement} root */
export function start(root) {
  let timer = 0;
  const go = (/** @type {HTMLFormElement} */ form, /** @type {HTMLElement | null} */ by, replace = false) => {
    clearTimeout(timer);
    const { url, method, body } = request(form, by);
    visit(url, { method, body, push: !replace, replace, scroll: scrollOf(form) });
  };

  root.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("a");
    if (!link?.href || link.hasAttribute("data-close") || isForBrowser(event, link) || isOff(link)) return;
    event.preventDefault();
    visit(link.href, { push: true, scroll: scrollOf(link) });
  });

  root.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented || isOff(form) || (event.submitter && isOff(event.submitter))) return;
    event.preventDefault();
    go(form, event.submitter);
  });

  root.addEventListener("input", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const form = field.form;
    if (!form || !isGet(form) || isOff(form) || field.type !== "search") return;
    clearTimeout(timer);
    timer = window.setTimeout(() => go(form, null, true), typingPauseMs);
  });

  root.addEventListener("change", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const form = field.form;
    if (form && isGet(form) && !isOff(form) && field.matches("select, [type=checkbox], [type=radio]")) go(form, null);
  });
}

/** @param {HTMLFormElement} form */
const isGet = (form) => (form.getAttribute("method") ?? "get").toLowerCase() === "get";
