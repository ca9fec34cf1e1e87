// @ts-check
// Tabs over panels that are all in the page: buttons of role=tab with aria-controls; arrow keys, Home and End move.

/** @type {WeakMap<HTMLElement, string>} which panel is chosen */
const chosen = new WeakMap();

/** @param {HTMLElement} list */
export function start(list) {
  list.addEventListener("click", (event) => {
    const tab = /** @type {Element} */ (event.target).closest("[role=tab]");
    if (tab) select(list, /** @type {HTMLElement} */ (tab));
  });
  list.addEventListener("keydown", (event) => {
    const tabs = all(list);
    const now = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
    const tab = to === undefined ? undefined : tabs.at(to % tabs.length);
    if (!tab) return;
    event.preventDefault();
    select(list, tab);
    tab.focus();
  });
}

/** A morph brought the server's choice back. @param {HTMLElement} list */
export function update(list) {
  const before = all(list).find((tab) => tab.getAttribute("aria-controls") === chosen.get(list));
  if (before) select(list, before);
}

/** @param {HTMLElement} list */
const all = (list) => /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);

/** @param {HTMLElement} list @param {HTMLElement} to */
function select(list, to) {
  chosen.set(list, to.getAttribute("aria-controls") ?? "");
  for (const tab of all(list)) {
    tab.setAttribute("aria-selected", String(tab === to));
    tab.tabIndex = tab === to ? 0 : -1;
    const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
    if (panel) panel.hidden = tab !== to;
  }
}
