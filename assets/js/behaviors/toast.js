// @ts-check
// The result of an action: [data-dismiss] takes it away, and so does time, unless it is bad or offers an undo
// (data-stays), or the pointer or the focus is on it.

const shownForMs = 8000;

/** @param {HTMLElement} toast */
export function start(toast) {
  toast.querySelector("[data-dismiss]")?.addEventListener("click", () => toast.remove());
  if (toast.hasAttribute("data-stays")) return;
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => toast.remove(), shownForMs);
  };
  const hold = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, hold);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, wait);
  wait();
}
