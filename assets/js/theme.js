// Loaded in <head>, blocking and tiny, so that both are known before the first paint: the theme that was chosen, and
// that scripts run (what only they can carry out is hidden otherwise).
(() => {
  const root = document.documentElement;
  root.dataset.script = "";
  try {
    const stored = localStorage.getItem("theme");
    if (stored === "light" || stored === "dark") root.dataset.theme = stored;
  } catch {
    // Storage may be forbidden; then the page follows the device.
  }
})();
