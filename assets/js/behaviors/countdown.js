// @ts-check
// <time data-until data-now>: what is left, both in ms of the server's clock, so that a wrong clock here does no harm.
// At zero it says data-over and asks for the page again. data-now must be of the answer that brought the element.
import { moment, span } from "../lib/format.js";
import { refreshSoon } from "../lib/visit.js";

/** @type {Map<HTMLTimeElement, number>} the moment of `performance.now()` at which each ends */
const ends = new Map();
let timer = 0;

/** @param {HTMLTimeElement} element */
export function start(element) {
  const left = Number(element.dataset.until) - Number(element.dataset.now);
  ends.set(element, performance.now() + left);
  element.title = moment(Date.parse(element.dateTime), "second");
  timer ||= window.setInterval(tick, 1000);
  show(element, left);
}

export const update = start;

function tick() {
  for (const [element, end] of ends) {
    const left = end - performance.now();
    if (!element.isConnected) ends.delete(element);
    else show(element, left);
    if (left <= 0 && ends.delete(element)) refreshSoon();
  }
}

/** @param {HTMLTimeElement} element @param {number} left */
function show(element, left) {
  const text = left > 0 ? span(left + 999) : (element.dataset.over ?? span(0));
  if (element.textContent !== text) element.textContent = text;
}
