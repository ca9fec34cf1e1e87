// @ts-check
// Numbers, durations and points in time as the server writes them, in the language of the page. The words of units are
// attributes of <body>: texts with {n} in them, separated by bars.

const lang = () => document.documentElement.lang || "en";
const words = (/** @type {string} */ name) => (document.body.dataset[name] ?? "").split("|");
const fill = (/** @type {string | undefined} */ text, /** @type {string | number} */ n) =>
  (text ?? "{n}").replace("{n}", String(n));

/** 48,395 @param {number} value */
export const count = (value) => new Intl.NumberFormat(lang(), { maximumFractionDigits: 2 }).format(value);

/** For an axis: 4 K, 4120 万. @param {number} value */
export function compact(value) {
  const sizes = lang().startsWith("zh") ? [1e8, 1e4] : [1e9, 1e6, 1e3];
  const at = sizes.findIndex((size) => value >= size);
  return at < 0 ? count(value) : fill(words("large")[at], `${Number((value / sizes[at]).toFixed(1))}`);
}

/** 412 ms, 1.74 s, 2 min 5 s @param {number} value */
export function millis(value) {
  if (value < 1000) return `${Math.round(value)} ms`;
  return value < 60_000 ? `${Number((value / 1000).toFixed(value < 10_000 ? 2 : 1))} s` : span(value);
}

/** 98.6 % @param {number} value */
export const percent = (value) => `${count(Math.round(value * 10) / 10)} %`;

/** 4.0 GiB @param {number} value */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${(value / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

/** The largest units of a time span: 1 h 13 min; with `most` 1: 1 h. @param {number} ms */
export function span(ms, most = 2) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit));
  const parts = [days, hours % 24, minutes % 60, seconds % 60];
  const first = parts.findIndex((part) => part > 0);
  const units = words("units");
  if (first < 0) return fill(units[3], 0);
  return parts
    .map((part, i) => fill(units[i], part))
    .slice(first, first + most)
    .filter((_, i) => i === 0 || parts[first + i] > 0)
    .join(" ");
}

/** 26 s ago @param {number} ms */
export function ago(ms) {
  const [passed, justNow] = words("ago");
  return ms < 2000 ? (justNow ?? "") : fill(passed, span(ms, 1));
}

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const styles = {
  minute: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
  second: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit" },
  axis: { month: "short", day: "numeric" },
};

/** 2026-11-22 19:00 in the reader's zone: the order of ISO 8601 is read the same in both languages.
 * @param {number} at @param {string} style */
export function moment(at, style) {
  if (style === "axis") return new Intl.DateTimeFormat(lang(), styles.axis).format(at);
  return new Intl.DateTimeFormat("sv-SE", { hourCycle: "h23", ...(styles[style] ?? styles.minute) }).format(at);
}
