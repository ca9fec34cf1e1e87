// @ts-check
// Makes a live element equal to one of a fetched page by changing as little as possible: equal nodes are left alone,
// so focus, selection, scroll, open menus and dialogs live on. Children with an id (or `data-key`) are matched by it,
// others by kind and order. What is inside `data-keep` belongs to a script and is not touched.

/** @typedef {(field: Field) => boolean} Keeps */
/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Field */

/** @param {Element} live @param {Element} next @param {Keeps} keeps tells which fields keep what was typed */
export function morph(live, next, keeps = () => false) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  patch(live, next, keeps);
  // Moving a node takes the focus from it.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

/** @param {Node} live @param {Node} next @param {Keeps} keeps */
function patch(live, next, keeps) {
  if (!(live instanceof Element) || !(next instanceof Element)) {
    if (live.nodeValue !== next.nodeValue) live.nodeValue = next.nodeValue;
    return;
  }
  const field = asField(live);
  const typed = field && keeps(field) ? valueOf(field) : undefined;
  attributes(live, next);
  if (live.hasAttribute("data-keep")) return;
  children(live, next, keeps);
  if (field) setValue(field, typed ?? valueOf(/** @type {Field} */ (next)));
}

/** @param {Element} live @param {Element} next */
function attributes(live, next) {
  const isOpenable = live.matches("details, dialog");
  for (const { name } of [...live.attributes]) {
    if (!next.hasAttribute(name) && !(isOpenable && name === "open")) live.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (live.getAttribute(name) !== value && !(isOpenable && name === "open")) live.setAttribute(name, value);
  }
}

/** @param {Element} live @param {Element} next @param {Keeps} keeps */
function children(live, next, keeps) {
  const wanted = new Set([...next.children].map(keyOf).filter(Boolean));
  /** @type {Map<string, Element>} */
  const keyed = new Map();
  for (const child of live.children) {
    const key = keyOf(child);
    if (key && wanted.has(key)) keyed.set(key, child);
  }
  let at = live.firstChild;
  for (const want of [...next.childNodes]) {
    while (at && isGone(at, wanted)) at = drop(at);
    const have = keyOf(want) ? keyed.get(/** @type {string} */ (keyOf(want))) : unkeyed(at, want);
    if (!have || have.nodeName !== want.nodeName) live.insertBefore(document.importNode(want, true), at);
    else {
      if (have === at) at = at.nextSibling;
      else live.insertBefore(have, at);
      patch(have, want, keeps);
    }
  }
  while (at) at = drop(at);
}

/** @param {Node} node */
const keyOf = (node) => (node instanceof Element ? node.id || node.getAttribute("data-key") : null);

/** @param {Node} node @param {Set<string | null>} wanted */
const isGone = (node, wanted) => Boolean(keyOf(node)) && !wanted.has(keyOf(node));

/** The first node from here on that may become `want`. @param {Node | null} from @param {Node} want */
function unkeyed(from, want) {
  for (let node = from; node; node = node.nextSibling) {
    if (node.nodeName === want.nodeName && !keyOf(node)) return node;
  }
  return null;
}

/** @param {Node} node @returns {ChildNode | null} what comes after it */
function drop(node) {
  const after = node.nextSibling;
  node.parentNode?.removeChild(node);
  return after;
}

/** @param {Element} element @returns {Field | null} */
const asField = (element) =>
  element.matches("input:not([type=file]), textarea, select") ? /** @type {Field} */ (element) : null;

/** @param {Field} field */
const isTick = (field) => field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type);

/** @param {Field} field */
const valueOf = (field) => (isTick(field) ? /** @type {HTMLInputElement} */ (field).checked : field.value);

/** @param {Field} field @param {string | boolean} value */
function setValue(field, value) {
  if (valueOf(field) === value) return;
  if (typeof value === "boolean") /** @type {HTMLInputElement} */ (field).checked = value;
  else field.value = value;
}
