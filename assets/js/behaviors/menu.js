// @ts-check
// A popover menu by keyboard: it takes the focus when it opens; arrow keys, Home and End move; Escape is the browser's.
// Where the browser cannot place a popover beside its button, this does.

/** @param {HTMLElement} menu */
export function start(menu) {
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "open") return;
    if (!CSS.supports("position-area", "block-end")) place(menu);
    items(menu)[0]?.focus();
  });
  menu.addEventListener("keydown", (event) => {
    const all = items(menu);
    const now = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all.at(to % all.length)?.focus();
  });
  menu.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("a, button")) menu.hidePopover();
  });
}

/** @param {HTMLElement} menu */
const items = (menu) => /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("a, button:not(:disabled)")]);

/** @param {HTMLElement} menu */
function place(menu) {
  const button = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (!button) return;
  const at = button.getBoundingClientRect();
  const isBelow = at.bottom + menu.offsetHeight < innerHeight;
  menu.style.position = "fixed";
  menu.style.top = `${isBelow ? at.bottom : at.top - menu.offsetHeight - 8}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
}
