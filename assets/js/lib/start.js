// @ts-check
// Finds [data-behavior], loads each behavior once and starts it on its element; after a morph, what was started already
// is told by `update`, at once, so that nothing flashes.

/** @typedef {{ start: (element: any) => void, update?: (element: any) => void }} Behavior */

/** @type {Map<string, Behavior>} */
const loaded = new Map();
/** @type {WeakMap<Element, Set<string>>} */
const started = new WeakMap();

/** @param {Document | Element} root */
export function startAll(root) {
  if (root instanceof Element && root.hasAttribute("data-behavior")) startOne(root);
  for (const element of root.querySelectorAll("[data-behavior]")) startOne(element);
}

/** @param {Element} element */
function startOne(element) {
  const names = (element.getAttribute("data-behavior") ?? "").split(" ").filter(Boolean);
  const done = started.get(element) ?? new Set();
  started.set(element, done);
  for (const name of names) {
    const behavior = loaded.get(name);
    if (done.has(name)) {
      behavior?.update?.(element);
    } else {
      done.add(name);
      if (behavior) behavior.start(element);
      else load(name).then((found) => element.isConnected && found.start(element));
    }
  }
}

/** @param {string} name @returns {Promise<Behavior>} */
async function load(name) {
  const behavior = await import(`../behaviors/${name}.js`);
  loaded.set(name, behavior);
  return behavior;
}
