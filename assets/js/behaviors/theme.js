// @ts-check
// The theme button: as the device → light → dark. The only thing besides the language that a browser keeps for us.
// data-label-device, data-label-light, data-label-dark: what the button is called in each state.

const order = ["device", "light", "dark"];

/** @param {HTMLElement} button */
export function start(button) {
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const next = order[(order.indexOf(root.dataset.theme ?? "device") + 1) % order.length];
    if (next === "device") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      if (next === "device") localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      // Storage may be forbidden; then the choice lasts as long as the page.
    }
    for (const other of document.querySelectorAll("[data-behavior~=theme]")) update(/** @type {HTMLElement} */ (other));
  });
  update(button);
}

/** @param {HTMLElement} button */
export function update(button) {
  const label = button.getAttribute(`data-label-${document.documentElement.dataset.theme ?? "device"}`) ?? "";
  button.setAttribute("aria-label", label);
  button.title = label;
}
