// @ts-check
// Picking rows of a list form. What is picked is kept per list while one pages, sorts and searches.
// On the form: data-list names it, data-matching is how many rows match the filter, data-filter that filter (a query).
// It sends every picked `id`, or `all=1` and `filter` when all that match are picked. Inside: input[name=id],
// [data-pick-page], [data-pick-matching], [data-pick-none], [data-pick-note], [data-pick-count] (data-text with {n}).
import { count } from "../lib/format.js";

/** @typedef {{ ids: string[], filter?: string }} Picked with a filter: all that match it */

/** @param {HTMLFormElement} form */
export function start(form) {
  let last = -1;
  form.addEventListener("click", (event) => {
    const target = /** @type {HTMLInputElement} */ (event.target);
    const at = boxes(form).indexOf(target);
    if (at >= 0) {
      if (event.shiftKey && last >= 0) {
        for (const box of boxes(form).slice(Math.min(at, last), Math.max(at, last) + 1)) box.checked = target.checked;
      }
      last = at;
      store(form, merge(form));
    } else if (target.matches("[data-pick-page]")) {
      for (const box of boxes(form)) box.checked = target.checked;
      store(form, merge(form));
    } else if (target.closest("[data-pick-matching]")) {
      store(form, { ids: [], filter: form.dataset.filter ?? "" });
    } else if (target.closest("[data-pick-none]")) {
      store(form, { ids: [] });
    }
  });
  form.addEventListener("formdata", ({ formData }) => {
    const { ids, filter } = picked(form);
    formData.delete("id");
    for (const id of ids) formData.append("id", id);
    if (filter === undefined) return;
    formData.append("all", "1");
    formData.append("filter", filter);
  });
  document.addEventListener("visited", (event) => {
    const { body, isRedirected } = /** @type {CustomEvent} */ (event).detail;
    // What was picked has been dealt with.
    if (isRedirected && form.isConnected && (body?.has("all") || body?.has("id"))) store(form, { ids: [] });
  });
  update(form);
}

/** @param {HTMLFormElement} form */
export function update(form) {
  const { ids, filter } = picked(form);
  const isAll = filter !== undefined;
  const known = new Set(ids);
  const all = boxes(form);
  for (const box of all) box.checked = isAll || known.has(box.value);
  const here = all.filter((box) => box.checked).length;
  const total = isAll ? Number(form.dataset.matching ?? 0) : ids.length;
  form.toggleAttribute("data-picked", total > 0);
  const page = /** @type {HTMLInputElement | null} */ (form.querySelector("[data-pick-page]"));
  if (page) {
    page.checked = here > 0 && here === all.length;
    page.indeterminate = here > 0 && here < all.length;
  }
  const label = form.querySelector("[data-pick-count]");
  const text = (label?.getAttribute("data-text") ?? "{n}").replace("{n}", count(total));
  if (label && label.textContent !== text) label.textContent = text;
  const note = /** @type {HTMLElement | null} */ (form.querySelector("[data-pick-note]"));
  if (note) note.hidden = isAll || here === 0 || here < all.length || total >= Number(form.dataset.matching ?? 0);
}

/** @param {HTMLFormElement} form */
const boxes = (form) => /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[name=id]")]);

/** What is picked on other pages, and what is ticked on this one. @param {HTMLFormElement} form @returns {Picked} */
function merge(form) {
  const shown = new Set(boxes(form).map((box) => box.value));
  const ticked = boxes(form).filter((box) => box.checked);
  return { ids: [...picked(form).ids.filter((id) => !shown.has(id)), ...ticked.map((box) => box.value)] };
}

/** @param {HTMLFormElement} form */
const key = (form) => `picked-${form.dataset.list ?? location.pathname}`;

/** "All that match" means those of the filter it was said of. @param {HTMLFormElement} form @returns {Picked} */
function picked(form) {
  const stored = JSON.parse(sessionStorage.getItem(key(form)) ?? '{"ids":[]}');
  return stored.filter !== undefined && stored.filter !== (form.dataset.filter ?? "") ? { ids: [] } : stored;
}

/** @param {HTMLFormElement} form @param {Picked} what */
function store(form, what) {
  sessionStorage.setItem(key(form), JSON.stringify(what));
  update(form);
}
