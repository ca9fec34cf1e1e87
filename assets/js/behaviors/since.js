// @ts-check
// <time datetime> as "26 s ago", counted on while the page is open; the title has the moment itself.
import { ago, moment } from "../lib/format.js";

/** @type {Set<HTMLTimeElement>} */
const all = new Set();

/** @param {HTMLTimeElement} element */
export function start(element) {
  if (all.size === 0) setInterval(tick, 1000);
  all.add(element);
  update(element);
}

/** @param {HTMLTimeElement} element */
export function update(element) {
  element.title = moment(Date.parse(element.dateTime), "second");
  show(element);
}

function tick() {
  for (const element of all) {
    if (element.isConnected) show(element);
    else all.delete(element);
  }
}

/** @param {HTMLTimeElement} element */
function show(element) {
  const text = ago(Date.now() - Date.parse(element.dateTime));
  if (element.textContent !== text) element.textContent = text;
}
