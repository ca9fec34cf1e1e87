// @ts-check
// Asks for the page again every data-every seconds, while it is seen and nobody is in the middle of something: no
// dialog or menu is open, nobody types in #main (a choice keeps its focus and its value). When the server does not
// answer, the pauses grow, and the element says data-stale with the time of what is shown as {at}. data-text: a
// countdown to the next time, with {n}.
import { moment } from "../lib/format.js";
import { visit } from "../lib/visit.js";

const slowest = 60;

/** @param {HTMLElement} element */
export function start(element) {
  let [left, pause, last, isAsking] = [every(element), every(element), Date.now(), false];
  const show = (isOk = pause === every(element)) => {
    const stale = (element.dataset.stale ?? "").replace("{at}", moment(last, "clock"));
    const text = isOk ? (element.dataset.text ?? "").replace("{n}", String(Math.max(0, left))) : stale;
    if (text && element.textContent !== text) element.textContent = text;
    element.dataset.tone = isOk ? "good" : "warn";
  };
  const timer = setInterval(async () => {
    if (!element.isConnected) return clearInterval(timer);
    if (isAsking || (left = Math.max(0, left - 1)) > 0 || isBusy()) return show();
    isAsking = true;
    const isShown = await visit(location.href, { quiet: true });
    isAsking = false;
    pause = isShown ? every(element) : Math.min(slowest, pause * 2);
    last = isShown ? Date.now() : last;
    left = pause;
    show();
  }, 1000);
}

/** @param {HTMLElement} element */
const every = (element) => Number(element.dataset.every ?? 30);

function isBusy() {
  const focused = document.activeElement;
  return (
    document.hidden ||
    document.querySelector("dialog[open], .menu:popover-open") !== null ||
    (focused?.closest("#main") !== null && focused?.matches("input:not([type=checkbox]), textarea") === true)
  );
}
