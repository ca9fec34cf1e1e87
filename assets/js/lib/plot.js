// @ts-check
// What uPlot needs to draw one chart: colors of the page's tokens, stacks, axes. Knows nothing of when to draw.
import library from "../../vendor/uplot-1.6.32.min.js";
import { bytes, compact, count, millis, moment, percent } from "./format.js";

/** It brings no types along. @type {any} */
export const uPlot = library;

/** @typedef {"bar" | "line" | "area" | "dash"} Kind */
/** @typedef {{ label: string, color: string, kind: Kind, values: (number | null)[] }} Series */
/** @typedef {{ x: number[], step: number, unit: string, axis?: boolean, is_partial?: boolean, sync?: string,
 *   series: Series[] }} Data */

/** @type {Record<string, (value: number) => string>} */
const formats = { count, ms: millis, percent, bytes };
/** @type {Record<string, (value: number) => string>} */
const labels = { count: compact, ms: (v) => (v < 1000 ? millis(v) : `${v / 1000} s`), percent, bytes };

/** @param {string} unit */
export const formatOf = (unit) => formats[unit] ?? count;

/** Bars stack in their order: what is drawn are running totals, the largest first, so that each covers what is behind.
 * @param {Data} data @returns {Series[]} */
export function stacked(data) {
  const bars = data.series.filter((series) => series.kind === "bar");
  const rest = data.series.filter((series) => series.kind !== "bar");
  const sums = data.x.map(() => 0);
  const totals = bars.map((series) => {
    const values = series.values.map((value, i) => (sums[i] += value ?? 0));
    return { ...series, values };
  });
  return [...totals.reverse(), ...rest];
}

/** @param {Data} data */
export const columns = (data) => [data.x.map((at) => at / 1000), ...stacked(data).map((series) => series.values)];

/** @param {HTMLElement} host @param {Data} data @param {(index: number | null) => void} onCursor */
export function options(host, data, onCursor) {
  const hasBars = data.series.some((series) => series.kind === "bar");
  const color = (/** @type {string} */ name) => resolve(host, name);
  const surface = color("surface");
  const axis = { stroke: color("text-3"), font: `11px ${getComputedStyle(host).fontFamily}`, ticks: { show: false } };
  const hasAxis = data.axis !== false;
  const step = data.step / 1000;
  const style = data.step >= 86_400_000 ? "axis" : "clock";
  return {
    ...sizeOf(host),
    padding: [8, 18, hasAxis ? 0 : 7, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      sync: data.sync ? { key: data.sync } : undefined,
      points: { show: !hasBars, size: 7, stroke: surface, width: 2 },
    },
    scales: {
      x: { time: true, range: (_, from, to) => (hasBars ? [from - step * 0.6, to + step * 0.6] : [from, to]) },
      y: { range: (_, __, most) => [0, (most || 1) * 1.12] },
    },
    axes: [
      { ...axis, show: hasAxis, size: 26, gap: 6, space: 64, grid: { show: false },
        values: (_, at) => at.map((/** @type {number} */ second) => moment(second * 1000, style)) },
      { ...axis, size: 48, gap: 8, space: 36, grid: { stroke: color("chart-grid"), width: 1 },
        values: (_, at) => at.map((n) => (n > 0 && isEmpty(data) ? "" : (labels[data.unit] ?? compact)(n))) },
    ],
    series: [{}, ...stacked(data).map((series) => lineOf(series, data, color, surface))],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

/** Whether there is nothing to measure by. @param {Data} data */
const isEmpty = (data) => data.series.every(({ values }) => values.every((value) => !value));

/** @param {HTMLElement} host */
export const sizeOf = (host) => ({ width: host.clientWidth, height: host.clientHeight });

/** @param {Series} series @param {Data} data @param {(name: string) => string} color @param {string} surface */
function lineOf(series, data, color, surface) {
  const own = color(series.color);
  if (series.kind !== "bar") {
    const fill = series.kind === "area" ? mix(own, surface, 0.12) : undefined;
    const dash = series.kind === "dash" ? [4, 4] : undefined;
    const points = { show: false, filter: lonely, size: 5, width: 0, fill: own };
    return { label: series.label, stroke: own, width: 1.75, dash, fill, points };
  }
  const isAlone = data.series.filter((other) => other.kind === "bar").length === 1;
  const shade = (/** @type {unknown} */ _, /** @type {number} */ i) =>
    mix(own, surface, data.is_partial && i === data.x.length - 1 ? 0.45 : 1);
  const disp = { fill: { unit: 3, values: () => data.x.map(shade) } };
  const paths = uPlot.paths.bars({ size: [0.7, 40], radius: isAlone ? [0.1, 0] : 0, disp });
  return { label: series.label, width: 0, fill: own, paths, points: { show: false } };
}

/** Values without a neighbor: no line leads to them. @param {{ data: (number | null)[][] }} plot @param {number} n */
function lonely({ data }, n) {
  const has = (/** @type {number} */ i) => data[n][i] != null;
  return data[n].flatMap((_, i) => (has(i) && !has(i - 1) && !has(i + 1) ? [i] : []));
}

/** A token as a color that a canvas understands. @param {HTMLElement} host @param {string} name */
function resolve(host, name) {
  host.style.color = `var(--${name})`;
  const value = getComputedStyle(host).color;
  host.style.color = "";
  return value;
}

/** Mixed with the surface instead of transparent, so that stacked bars never shine through.
 * @param {string} over @param {string} under @param {number} share */
function mix(over, under, share) {
  const [a, b] = [over, under].map((color) => (color.match(/[\d.]+/g) ?? []).map(Number));
  return `rgb(${[0, 1, 2].map((i) => Math.round(a[i] * share + b[i] * (1 - share))).join(" ")})`;
}
