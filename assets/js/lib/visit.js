// @ts-check
// Goes to a page without leaving this one: fetches it whole and morphs title, language, #nav, #main and #flash.
// A page of another layout takes the place of the body; one of a newer server is loaded by the browser.
import { byId, save, say } from "./dom.js";
import { morph } from "./morph.js";
import { startAll } from "./start.js";

/** `quiet`: nobody asked for it, so typed text and the toast stay; `scroll`: id of what shall be in view afterwards.
 * @typedef {{ method?: string, body?: BodyInit, push?: boolean, replace?: boolean, quiet?: boolean,
 *   scroll?: string }} How */

/** @type {AbortController | undefined} */
let running;
let shown = location.pathname + location.search;

/** @param {string} url @param {How} [how] @returns {Promise<boolean>} whether the page was shown */
export async function visit(url, how = {}) {
  if (how.quiet && running) return false;
  running?.abort();
  const mine = (running = new AbortController());
  if (!how.quiet) byId("main")?.setAttribute("aria-busy", "true");
  try {
    const { method, body } = how;
    await receive(await fetch(url, { method, body, signal: mine.signal, headers: { Accept: "text/html" } }), how);
    return true;
  } catch (error) {
    if (mine.signal.aborted || how.quiet) return false;
    if (method(how) === "GET") location.assign(url);
    else say(document.body.dataset.offline);
    return false;
  } finally {
    if (running === mine) {
      running = undefined;
      byId("main")?.removeAttribute("aria-busy");
    }
  }
}

/** Shows an answer that has come already. @param {Response} response @param {How} how */
export async function receive(response, how) {
  if (!response.headers.get("content-type")?.startsWith("text/html")) return how.quiet ? undefined : save(response);
  const page = await parse(response);
  if (how.quiet && !response.ok) throw new Error(`status ${response.status}`);
  const isPage = response.redirected || method(how) === "GET";
  // A newer server; or nobody asked, and the session is over.
  const isOver = how.quiet === true && page.body.dataset.layout !== document.body.dataset.layout;
  if (isPage && (isOver || version(page) !== version(document))) return location.assign(response.url);
  if (isPage && !how.quiet) remember(response.url, how);
  show(page, how);
  document.dispatchEvent(new CustomEvent("visited", { detail: { ...how, isRedirected: response.redirected } }));
}

/** @param {Response} response */
export const parse = async (response) => new DOMParser().parseFromString(await response.text(), "text/html");

let asked = 0;
/** Asks for this page again, soon, and once for all who ask. */
export function refreshSoon() {
  clearTimeout(asked);
  asked = window.setTimeout(() => visit(location.href, { quiet: true }), 500);
}

/** The browser went back or forward; a jump inside of the page is no visit. */
export function goBack() {
  if (location.pathname + location.search !== shown) visit(location.href, { replace: true });
}

/** @param {How} how */
const method = (how) => how.method ?? "GET";

/** The address of the scripts holds the hash of all assets. @param {Document} page */
const version = (page) => page.querySelector("script[type=module]")?.getAttribute("src");

/** @param {string} url @param {How} how */
function remember(url, how) {
  if (how.replace) history.replaceState(null, "", url);
  else if (url !== location.href) history.pushState(null, "", url);
}

/** @param {Document} page @param {How} how */
function show(page, how) {
  const isElsewhere = location.pathname !== new URL(shown, location.href).pathname;
  shown = location.pathname + location.search;
  document.title = page.title;
  document.documentElement.lang = page.documentElement.lang;
  if (page.body.dataset.layout !== document.body.dataset.layout) {
    document.body.replaceWith(document.importNode(page.body, true));
    startAll(document);
  } else {
    for (const id of ["nav", "main", "flash"]) part(byId(id), page.getElementById(id), how);
  }
  if (how.quiet) return;
  const wrong = /** @type {HTMLElement | null} */ (document.querySelector("#main [aria-invalid=true]"));
  const goal = byId(how.scroll);
  if (wrong && method(how) !== "GET") wrong.focus();
  else if (isElsewhere) (scrollTo(0, 0), byId("main")?.focus({ preventScroll: true }));
  else if (goal && goal.getBoundingClientRect().top < 0) goal.scrollIntoView({ block: "start" });
}

/** @param {Element | null} live @param {Element | null} next @param {How} how */
function part(live, next, how) {
  if (!live || !next || (how.quiet && live.id === "flash" && !next.childElementCount)) return;
  morph(live, next, (field) => {
    if (method(how) !== "GET") return false;
    if (how.quiet) return field === document.activeElement || isTouched(field);
    // A choice is that of the address, also on the way back; what is being typed is newer than the page.
    return field === document.activeElement && !(field instanceof HTMLSelectElement);
  });
  startAll(live);
}

/** @param {import("./morph.js").Field} field */
function isTouched(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some((o) => o.selected !== o.defaultSelected);
  if (field instanceof HTMLTextAreaElement) return field.value !== field.defaultValue;
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}
