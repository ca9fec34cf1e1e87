// @ts-check
// <time datetime> in the reader's own zone, with UTC in the title. data-style: minute, second, day, clock.
import { moment } from "../lib/format.js";

/** @param {HTMLTimeElement} element */
export function start(element) {
  element.title = element.textContent ?? "";
  element.textContent = moment(Date.parse(element.dateTime), element.dataset.style ?? "minute");
}

export const update = start;
