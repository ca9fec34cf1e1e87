// @ts-check
// The test bench: asks a model through this server and shows what comes, and what went wrong in words. Its parts are
// marked `data-bench`; its texts are in #bench-texts, the templates in #bench-templates.
import { Desk } from "../lib/bench-desk.js";
import { Screen } from "../lib/bench-screen.js";
import { chat, models } from "../lib/chat.js";
import { write } from "../lib/clipboard.js";
import { byId } from "../lib/dom.js";
import { samples } from "../lib/samples.js";

const typingPauseMs = 400;

/** @param {HTMLElement} root */
export function start(root) {
  const texts = JSON.parse(byId("bench-texts")?.textContent ?? "{}");
  const templates = JSON.parse(byId("bench-templates")?.textContent ?? "[]");
  const [desk, screen] = [new Desk(root), new Screen(root, texts)];
  /** @type {AbortController | undefined} */
  let running;
  /** @type {AbortController | undefined} */
  let listing;
  let timer = 0;

  const list = async () => {
    listing?.abort();
    const mine = (listing = new AbortController());
    if (!desk.token && !texts.listIsPublic) return desk.showModels([], texts.needsToken);
    desk.sayOfModels(texts.loading);
    const { models: found, problem } = await models(`${desk.base}/models`, desk.token, mine.signal);
    if (mine.signal.aborted) return;
    desk.showModels(found, problem ? `${texts.noModels} ${screen.told(problem)}` : texts.models.replace("{n}", String(found.length)));
  };

  /** @param {AbortSignal} signal */
  const ask = async (signal) => {
    screen.begin();
    const request = { url: `${desk.base}/chat/completions`, token: desk.token, body: desk.body, signal };
    return screen.end(await chat(request, (text, reasoning) => screen.add(text, reasoning)));
  };

  /** Only one at a time. @param {(signal: AbortSignal) => Promise<unknown>} work */
  const run = async (work) => {
    running?.abort();
    const mine = (running = new AbortController());
    desk.setRunning(true);
    await work(mine.signal);
    if (running !== mine) return;
    running = undefined;
    desk.setRunning(false);
  };

  const runAll = () => run(async (signal) => {
    const rows = screen.list(templates);
    for (const [n, template] of templates.entries()) {
      if (signal.aborted) return;
      desk.take(template);
      rows[n](await ask(signal));
    }
  });

  root.addEventListener("submit", (event) => {
    event.preventDefault();
    screen.hideList();
    run(ask);
  });
  root.addEventListener("click", async (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    const { bench, template, sample } = button?.dataset ?? {};
    if (bench === "stop") running?.abort();
    else if (bench === "all") runAll();
    else if (template) desk.take(templates.find((/** @type {{ id: string }} */ { id }) => id === template));
    else if (sample && button) {
      await write(samples[sample](root.dataset.origin + desk.base, desk.body));
      screen.sayCopied(button);
    }
  });
  desk.onConnection((isTyping) => {
    clearTimeout(timer);
    timer = window.setTimeout(list, isTyping ? typingPauseMs : 0);
  });
  list();
}
