// @ts-check
// Picking rows of a list. What is picked is kept per list while one pages, sorts and searches.
// On the element around it: data-list names it, data-matching is how many rows match the filter, data-filter that
// filter (a query). Inside: form.selection-bar, which sends every picked `id`, or `all=1` and `filter` when all that
// match are picked; its input[name=id] in the rows; [data-pick-page], [data-pick-matching], [data-pick-none],
// [data-pick-note], [data-pick-count] (data-text with {n}).
import { count } from "../lib/format.js";

/** @typedef {{ ids: string[], filter?: string }} Picked with a filter: all that match it */

/** @param {HTMLElement} list */
export function start(list) {
  let last = -1;
  list.addEventListener("click", (event) => {
    const target = /** @type {HTMLInputElement} */ (event.target);
    const at = boxes(list).indexOf(target);
    if (at >= 0) {
      if (event.shiftKey && last >= 0) {
        for (const box of boxes(list).slice(Math.min(at, last), Math.max(at, last) + 1)) box.checked = target.checked;
      }
      last = at;
      store(list, merge(list));
    } else if (target.matches("[data-pick-page]")) {
      for (const box of boxes(list)) box.checked = target.checked;
      store(list, merge(list));
    } else if (target.closest("[data-pick-matching]")) {
      store(list, { ids: [], filter: list.dataset.filter ?? "" });
    } else if (target.closest("[data-pick-none]")) {
      store(list, { ids: [] });
    }
  });
  list.addEventListener("formdata", ({ target, formData }) => {
    if (!(/** @type {Element} */ (target).matches(".selection-bar"))) return;
    const { ids, filter } = picked(list);
    formData.delete("id");
    for (const id of ids) formData.append("id", id);
    if (filter === undefined) return;
    formData.append("all", "1");
    formData.append("filter", filter);
  });
  document.addEventListener("visited", (event) => {
    const { body, isRedirected } = /** @type {CustomEvent} */ (event).detail;
    // What was picked has been dealt with.
    if (isRedirected && list.isConnected && (body?.has("all") || body?.has("id"))) store(list, { ids: [] });
  });
  update(list);
}

/** @param {HTMLElement} list */
export function update(list) {
  const { ids, filter } = picked(list);
  const isAll = filter !== undefined;
  const known = new Set(ids);
  const all = boxes(list);
  for (const box of all) box.checked = isAll || known.has(box.value);
  const here = all.filter((box) => box.checked).length;
  const total = isAll ? Number(list.dataset.matching ?? 0) : ids.length;
  list.toggleAttribute("data-picked", total > 0);
  const page = /** @type {HTMLInputElement | null} */ (list.querySelector("[data-pick-page]"));
  if (page) {
    page.checked = here > 0 && here === all.length;
    page.indeterminate = here > 0 && here < all.length;
  }
  const label = list.querySelector("[data-pick-count]");
  const text = (label?.getAttribute("data-text") ?? "{n}").replace("{n}", count(total));
  if (label && label.textContent !== text) label.textContent = text;
  const note = /** @type {HTMLElement | null} */ (list.querySelector("[data-pick-note]"));
  if (note) note.hidden = isAll || here === 0 || here < all.length || total >= Number(list.dataset.matching ?? 0);
}

/** @param {HTMLElement} list */
const boxes = (list) => /** @type {HTMLInputElement[]} */ ([...list.querySelectorAll("input[name=id][type=checkbox]")]);

/** What is picked on other pages, and what is ticked on this one. @param {HTMLElement} list @returns {Picked} */
function merge(list) {
  const shown = new Set(boxes(list).map((box) => box.value));
  const ticked = boxes(list).filter((box) => box.checked);
  return { ids: [...picked(list).ids.filter((id) => !shown.has(id)), ...ticked.map((box) => box.value)] };
}

/** @param {HTMLElement} list */
const key = (list) => `picked-${list.dataset.list ?? location.pathname}`;

/** "All that match" means those of the filter it was said of. @param {HTMLElement} list @returns {Picked} */
function picked(list) {
  const stored = JSON.parse(sessionStorage.getItem(key(list)) ?? '{"ids":[]}');
  return stored.filter !== undefined && stored.filter !== (list.dataset.filter ?? "") ? { ids: [] } : stored;
}

/** @param {HTMLElement} list @param {Picked} what */
function store(list, what) {
  sessionStorage.setItem(key(list), JSON.stringify(what));
  update(list);
}
