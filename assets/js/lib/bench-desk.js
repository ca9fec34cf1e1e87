// @ts-check
// The form of the test bench: what is asked. The token is kept in sessionStorage if somebody wants that, and nowhere else.
import { byId } from "./dom.js";

const storedAs = "bench-token";

/** @typedef {{ id: string, systemPrompt: string, userMessage: string, temperature: number, stream: boolean }} Template */

export class Desk {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    const stored = sessionStorage.getItem(storedAs);
    if (stored) this.#input("token").value = stored;
    this.#input("keep").checked = stored !== null;
  }

  get token() {
    return this.#input("token").value.trim();
  }

  /** What the paths of the provider begin with. */
  get base() {
    return this.#input("provider").value || "/v1";
  }

  get body() {
    const [system, stream, most] = [this.#input("system").value.trim(), this.#input("stream").checked, this.#input("max").valueAsNumber];
    return {
      model: this.#input("model").value,
      messages: [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: this.#input("user").value }],
      temperature: this.#input("temperature").valueAsNumber,
      ...(most > 0 && { max_tokens: most }),
      stream,
      ...(stream && { stream_options: { include_usage: true } }),
    };
  }

  /** @param {Template} template */
  take(template) {
    this.#input("system").value = template.systemPrompt;
    this.#input("user").value = template.userMessage;
    this.#input("stream").checked = template.stream;
    const temperature = this.#input("temperature");
    temperature.value = String(template.temperature);
    temperature.dispatchEvent(new Event("input", { bubbles: true }));
    for (const button of this.root.querySelectorAll("[data-template]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-template") === template.id));
    }
  }

  /** Tells when another token or provider was named. @param {(isTyping: boolean) => void} told */
  onConnection(told) {
    const [token, keep] = [this.#input("token"), this.#input("keep")];
    const store = () => (keep.checked ? sessionStorage.setItem(storedAs, this.token) : sessionStorage.removeItem(storedAs));
    keep.addEventListener("change", store);
    token.addEventListener("input", () => (store(), told(true)));
    this.#input("provider").addEventListener("change", () => told(false));
  }

  /** @param {string[]} models @param {string} words */
  showModels(models, words) {
    const select = this.#input("model");
    const before = select.value;
    select.replaceChildren(...models.map((model) => new Option(model, model, false, model === before)));
    this.sayOfModels(words);
  }

  /** @param {string} words */
  sayOfModels(words) {
    const hint = byId("bench-model-hint");
    if (hint) hint.textContent = words;
  }

  /** @param {boolean} isRunning */
  setRunning(isRunning) {
    for (const [name, isHidden] of Object.entries({ send: isRunning, stop: !isRunning })) {
      const button = /** @type {HTMLButtonElement | null} */ (this.root.querySelector(`[data-bench=${name}]`));
      if (!button) continue;
      const isFocused = isHidden && button === document.activeElement;
      button.hidden = isHidden;
      // Who pressed one of the two finds the other in its place.
      if (isFocused) queueMicrotask(() => /** @type {HTMLElement | null} */ (button.parentElement?.querySelector("button:not([hidden])"))?.focus());
    }
  }

  /** @param {string} name @returns {HTMLInputElement} */
  #input(name) {
    return /** @type {HTMLInputElement} */ (byId(`bench-${name}`));
  }
}
