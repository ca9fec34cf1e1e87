// A pool as it looks after a month of use: made through the public routes by real requests, at a clock that stands a
// month back and is moved forward. Without a clock everything has happened within the present hour.

import { completion, cut, delayed, error } from "./answers.mjs";
import { CLIENTS, KEY_LABELS, MODELS, ROUTED_KEY_LABELS } from "./people.mjs";
import { eventually } from "./wait.mjs";

const HOUR = 3_600;
export const A_MONTH = 31 * 24 * HOUR;
/** The provider was in trouble then, for an hour. */
const TROUBLE_HOURS_AGO = 7;
const AT_ONCE = 24;
const HOURLY = "you have reached your hourly usage limit";
const WEEKLY = "you have reached your weekly usage limit";

/**
 * @param {object} given
 * @param {import("./server.mjs").Server} given.server
 * @param {import("./upstream.mjs").Upstream} given.upstream
 * @param {import("./clock.mjs").ShiftedClock} [given.clock]
 * @returns ids of what is there, for pages about one of them
 */
export async function liveIn({ server, upstream, clock }) {
  const random = dice(20_261_122);
  upstream.models = MODELS.ollama;
  const keys = await addKeys(server);
  const clients = [];
  for (const client of CLIENTS) clients.push(await server.addToken({ ...client, expiresIn: undefined }));
  for (const { hoursAgo, requests } of clock ? month(random) : [{ hoursAgo: 0, requests: 60 }]) {
    await clock?.set(hoursAgo * HOUR);
    upstream.anyKey().always(weather(random, hoursAgo === TROUBLE_HOURS_AGO ? 0.3 : 0));
    await talk({ server, clients, random, requests });
  }
  await setStates({ server, upstream, keys, clients });
  upstream.anyKey().always(weather(random));
  const jobs = await eventually("the jobs to end", async () => {
    const listed = await server.api("GET", "/admin/jobs");
    return listed.jobs.every((job) => job.endedAt) && listed.jobs;
  });
  return { key: keys[0].id, token: clients[0].id, job: jobs[0].id };
}

async function addKeys(server) {
  const texts = KEY_LABELS.map((_, n) => `${hex(n, 32)}.${"Kq7Zt".repeat(4)}${hex(n, 4)}`);
  const lines = KEY_LABELS.map((label, n) => (label ? `${label}----${texts[n]}` : texts[n]));
  const routed = ROUTED_KEY_LABELS.map((label, n) => `${label}----sk-or-v1-${hex(n, 64)}`);
  const add = (content, provider) => server.api("POST", "/admin/api-keys/import-from-txt", { content, provider });
  const { report } = await add(lines.join("\n"), "ollama");
  await add(routed.join("\n"), "openrouter");
  return report.map(({ id }, n) => ({ id, text: texts[n] }));
}

/** Three bursts a day a month long, every hour in the last two days; fewer at night and on weekends. */
function* month(random) {
  for (let hoursAgo = 30 * 24; hoursAgo >= 0; hoursAgo -= hoursAgo > 48 ? 8 : 1) {
    const hour = (48 * 24 + 12 - hoursAgo) % 24;
    const byDay = 0.25 + Math.max(0, Math.sin(((hour - 5) / 24) * 2 * Math.PI));
    const byWeek = Math.floor(hoursAgo / 24) % 7 < 2 ? 0.5 : 1;
    yield { hoursAgo, requests: Math.round(6 + 40 * byDay * byWeek * (0.7 + 0.6 * random())) };
  }
}

/** What the upstream is like: mostly well, sometimes slow, limited, broken, or cut short. */
function weather(random, trouble = 0) {
  return (received, response) => {
    const luck = random() < trouble ? 0.98 : random();
    const text = "The pool answers, and 池子 answers too. ".repeat(1 + Math.floor(random() * 4));
    const usage = [200 + Math.floor(random() * 4_000), 50 + Math.floor(random() * 900)];
    const good = delayed(10 + 120 * random() ** 3, completion(text, { usage }));
    const answer = luck < 0.955 ? good
      : luck < 0.975 ? error(429, { message: HOURLY, retryAfter: 20 })
      : luck < 0.985 ? error(500, { message: "internal server error (ref: <script>alert(1)</script>)" })
      : luck < 0.995 ? cut("This sentence is never")
      : error(400, { message: "prompt too long; exceeded max context length by 312 tokens" });
    return answer(received, response);
  };
}

async function talk({ server, clients, random, requests }) {
  const left = Array.from({ length: requests }, () => {
    const client = clients[Math.floor(random() ** 2 * clients.length)];
    const isRouted = client.provider === "openrouter" || (client.provider === "all" && random() < 0.5);
    const models = MODELS[isRouted ? "openrouter" : "ollama"];
    const model = models[Math.floor(random() ** 2 * models.length)];
    return { token: client.token, model, stream: random() < 0.7, route: isRouted ? "/openrouter/v1" : "/v1" };
  });
  const speak = async () => {
    for (let next = left.pop(); next; next = left.pop()) {
      const { token, ...request } = next;
      // A stream that the upstream cut is cut here, too.
      await server.chat(token, request).then((response) => response.text()).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, speak));
}

/** Every state in which a key, a token or a job can be. */
async function setStates({ server, upstream, keys, clients }) {
  const post = (path, body) => server.api("POST", path, body);
  const patch = (path, body) => server.api("PATCH", path, body);
  const [rejected, limited, weekly, paused, off, expiring] = keys.slice(1);
  upstream.rejects.add(rejected.text);
  upstream.key(limited.text).always(error(429, { message: HOURLY, retryAfter: 2_700 }));
  upstream.key(weekly.text).always(error(429, { message: WEEKLY, retryAfter: 4 * 24 * HOUR }));
  // Turn by turn every key is asked, so that each says what is the matter with it.
  for (let n = 0; n < 2 * keys.length; n += 1) {
    await server.chat(clients[0].token).then((response) => response.text()).catch(() => {});
  }
  await post("/admin/keys/disable", { apiKey: paused.id, duration: 6 * HOUR });
  await post("/admin/keys/disable", { apiKey: off.id, duration: 0 });
  await patch(`/admin/api-keys/${expiring.id}`, { ttl: 20 * HOUR });
  for (const [n, { expiresIn }] of CLIENTS.entries()) {
    if (expiresIn) await patch(`/admin/tokens/${clients[n].id}`, { expiresIn });
  }
  await patch(`/admin/tokens/${clients.at(-1).id}`, { disabled: true });
  await patch("/admin/settings", { "cache.mode": "deterministic", "retention.jobs_days": 30, "backups.keep": 5 });
  await post("/admin/api-keys/bulk", { action: "relabel", username: "research-a", ids: [keys[1].id] });
  await post("/admin/api-keys/bulk", { action: "check", filter: {} });
}

/** Numbers from 0 to 1 that are the same at every run (mulberry32). */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many hexadecimal digits, others for each number. */
function hex(n, digits) {
  const random = dice(n + 1);
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
}
