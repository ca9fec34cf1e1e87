// @ts-check
// The answering side of the test bench: the answer as it comes, how long it takes, and what went wrong in words.
import { count, millis, span } from "./format.js";

/** @typedef {import("./chat.js").Outcome} Outcome */
/** @typedef {import("./chat.js").Problem} Problem */
/** What came of one request. @typedef {{ state: string, tone: string, first: string, total: string, tokens: string }} Result */

export class Screen {
  #began = 0;
  #first = 0;
  #timer = 0;

  /** @param {HTMLElement} root @param {Record<string, any>} texts */
  constructor(root, texts) {
    this.root = root;
    this.texts = texts;
    this.errors = new Map(texts.errors);
  }

  begin() {
    clearInterval(this.#timer);
    this.#began = performance.now();
    this.#first = 0;
    for (const name of ["text", "reasoning-text", "error-text", "error-words"]) this.#part(name).textContent = "";
    for (const name of ["error", "reasoning"]) this.#part(name).hidden = true;
    for (const name of ["first", "total", "tokens"]) this.#part(name).textContent = "–";
    this.#part("text").setAttribute("aria-busy", "true");
    this.#say(this.texts.running, "accent");
    this.#timer = window.setInterval(() => (this.#part("total").textContent = this.#elapsed()), 100);
  }

  /** @param {string} text @param {string} reasoning */
  add(text, reasoning) {
    if (!text && !reasoning) return;
    if (!this.#first) {
      this.#first = performance.now();
      this.#part("first").textContent = millis(this.#first - this.#began);
      this.#say(this.texts.streaming, "accent");
    }
    if (reasoning) this.#part("reasoning").hidden = false;
    this.#part("reasoning-text").append(reasoning);
    this.#part("text").append(text);
  }

  /** @param {Outcome} outcome @returns {Result} */
  end({ usage, problem }) {
    clearInterval(this.#timer);
    const isStopped = problem?.kind === "stopped";
    const [state, tone] = isStopped ? [this.texts.stopped, "idle"] : problem ? [this.texts.failed, "bad"] : [this.texts.done, "good"];
    const parts = { "{in}": usage?.prompt_tokens, "{out}": usage?.completion_tokens };
    const tokens = Object.entries(parts).reduce((text, [name, n]) => text.replace(name, n === undefined ? "–" : count(n)), this.texts.parts);
    const result = { state, tone, first: this.#part("first").textContent ?? "", total: this.#elapsed(), tokens: usage ? tokens : "–" };
    this.#part("total").textContent = result.total;
    this.#part("tokens").textContent = usage?.completion_tokens === undefined ? "–" : count(usage.completion_tokens);
    this.#part("text").setAttribute("aria-busy", "false");
    this.#say(state, tone);
    if (problem && !isStopped) {
      this.#part("error").hidden = false;
      this.#part("error-text").textContent = this.told(problem);
      this.#part("error-words").textContent = problem.words ?? "";
      if (problem.status) result.state = `${state}: ${problem.status}`;
    }
    return result;
  }

  /** What went wrong, in the page's language. @param {Problem} problem */
  told({ kind, status, waitS }) {
    if (kind !== "status") return { offline: this.texts.offline, unreadable: this.texts.unreadable }[String(kind)] ?? this.texts.cut;
    const known = this.errors.get(String(status)) ?? this.errors.get("4XX");
    const wait = waitS ? this.texts.wait.replace("{span}", span(waitS * 1000)) : "";
    return [`${this.texts.status.replace("{status}", status)} ·`, known, wait].filter(Boolean).join(" ");
  }

  /** A row for each template, and what puts its result in. @param {{ label: string }[]} templates @returns {((result: Result) => void)[]} */
  list(templates) {
    this.#part("results").hidden = false;
    const body = this.root.querySelector("[data-bench=results] tbody");
    body?.replaceChildren();
    return templates.map(({ label }) => {
      const row = document.createElement("tr");
      const head = Object.assign(document.createElement("th"), { scope: "row", textContent: label });
      const cells = [this.texts.waiting, "–", "–", "–"].map((text) => Object.assign(document.createElement("td"), { textContent: text }));
      cells.forEach((cell, n) => (cell.className = n > 0 ? "num nowrap" : "nowrap"));
      row.append(head, ...cells);
      body?.append(row);
      return ({ state, tone, first, total, tokens }) => {
        [state, first, total, tokens].forEach((text, n) => (cells[n].textContent = text));
        cells[0].classList.toggle("tone-bad", tone === "bad");
      };
    });
  }

  hideList() {
    this.#part("results").hidden = true;
  }

  /** @param {HTMLElement} button */
  sayCopied(button) {
    const before = button.textContent;
    button.textContent = button.dataset.copied ?? before;
    setTimeout(() => (button.textContent = before), 1600);
  }

  #elapsed() {
    return millis(performance.now() - this.#began);
  }

  /** @param {string} text @param {string} tone */
  #say(text, tone) {
    const state = this.#part("state");
    if (state.textContent !== text) state.textContent = text;
    state.dataset.tone = tone;
  }

  /** @param {string} name @returns {HTMLElement} */
  #part(name) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-bench=${name}]`));
  }
}
