// @ts-check
// Draws a chart with uPlot from the JSON in the element data-source (its form is in macros/chart.html). The <b>s of the
// element data-legend show the values at the cursor, on all charts of one `sync` at once, and totals without a cursor.
// New data of the same shape are put in without drawing anew; another theme or another shape draws anew, in one frame.
import { byId } from "../lib/dom.js";
import { columns, formatOf, options, sizeOf, uPlot } from "../lib/plot.js";

/** @typedef {{ plot: any, text: string, data: import("../lib/plot.js").Data }} Drawn */

/** @type {Map<HTMLElement, Drawn>} */
const all = new Map();

/** @param {HTMLElement} host */
export function start(host) {
  if (all.size === 0) watchTheme();
  draw(host);
  new ResizeObserver(() => {
    const { width, height } = sizeOf(host);
    const plot = all.get(host)?.plot;
    if (plot && width > 0 && (plot.width !== width || plot.height !== height)) plot.setSize({ width, height });
  }).observe(host);
}

/** @param {HTMLElement} host */
export function update(host) {
  const before = all.get(host);
  const text = textOf(host);
  if (!before || !text || before.text === text) return;
  const data = JSON.parse(text);
  if (shapeOf(data) !== shapeOf(before.data) || data.is_partial !== before.data.is_partial) return draw(host);
  Object.assign(before.data, data);
  before.text = text;
  before.plot.setData(columns(data));
}

/** @param {HTMLElement} host */
function draw(host) {
  const text = textOf(host);
  if (!text) return;
  const data = JSON.parse(text);
  all.get(host)?.plot.destroy();
  const plot = new uPlot(options(host, data, (index) => showValues(host, index)), columns(data), host);
  all.set(host, { plot, text, data });
}

/** @param {HTMLElement} host @param {number | null} index */
function showValues(host, index) {
  const data = all.get(host)?.data;
  byId(host.dataset.legend)?.querySelectorAll("b").forEach((item, n) => {
    // What stood there without a cursor comes from the server with each new page.
    item.dataset.total ??= item.textContent ?? "";
    const value = index === null ? undefined : data?.series[n]?.values[index];
    const format = formatOf(data?.unit ?? "count");
    item.textContent = index === null ? item.dataset.total : value == null ? "–" : format(value);
    if (index === null) delete item.dataset.total;
  });
}

/** @param {HTMLElement} host */
const textOf = (host) => byId(host.dataset.source)?.textContent ?? "";

/** @param {import("../lib/plot.js").Data} data */
const shapeOf = ({ step, unit, axis, series }) =>
  JSON.stringify([step, unit, axis, series.map((one) => [one.label, one.color, one.kind])]);

function watchTheme() {
  const again = () => {
    for (const host of all.keys()) {
      if (host.isConnected) draw(host);
      else all.delete(host);
    }
  };
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", again);
}
