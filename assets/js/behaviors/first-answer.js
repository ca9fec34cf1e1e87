// @ts-check
// The last step of the first run: asks a model through this server with the token that was just made, and shows the
// answer as it comes. On a form; `data-base`: `/v1`, `data-token-from`: the id of the element that shows the token,
// `data-model`: the model in the samples of `data-samples` (an id), which follow the one that is picked. What it says
// stands in the form's `data-says-…`. Inside: `[data-model-list]`, `[data-answer]`, `[data-verdict]`, `[data-done]`.
import { chat, models } from "../lib/chat.js";
import { byId } from "../lib/dom.js";
import { millis } from "../lib/format.js";

/** @param {HTMLFormElement} form */
export function start(form) {
  const { base = "/v1", tokenFrom = "", samples = "" } = form.dataset;
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (form.querySelector(`[data-${name}]`));
  const list = /** @type {HTMLSelectElement} */ (part("model-list"));
  const [answer, verdict, done] = [part("answer"), part("verdict"), part("done")];
  const token = byId(tokenFrom)?.textContent?.trim() ?? "";
  let model = form.dataset.model ?? "";

  const pick = (/** @type {string} */ name) => {
    for (const code of byId(samples)?.querySelectorAll("code") ?? []) {
      code.textContent = (code.textContent ?? "").replaceAll(JSON.stringify(model), JSON.stringify(name));
    }
    model = name;
  };

  const listModels = async () => {
    const { models: found, problem } = await models(`${base}/models`, token, AbortSignal.timeout(20_000));
    if (problem) return say(told(form, problem), "bad");
    list.replaceChildren(...found.map((name) => new Option(name, name, false, name === model)));
    if (list.value) pick(list.value);
  };

  const say = (/** @type {string} */ text, /** @type {string} */ tone) => {
    verdict.hidden = false;
    verdict.dataset.tone = tone;
    const place = verdict.querySelector("p");
    if (place) place.textContent = text;
  };

  list.addEventListener("change", () => pick(list.value));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
    button.disabled = true;
    verdict.hidden = true;
    answer.replaceChildren();
    answer.hidden = false;
    const question = /** @type {HTMLInputElement} */ (form.elements.namedItem("question"));
    const body = { model, stream: true, messages: [{ role: "user", content: question.value }] };
    const began = performance.now();
    let first = 0;
    const request = { url: `${base}/chat/completions`, token, body, signal: AbortSignal.timeout(120_000) };
    const { problem } = await chat(request, (text) => {
      first ||= performance.now() - began;
      answer.append(text);
    });
    button.disabled = false;
    if (problem) return say(told(form, problem), "bad");
    const [begun, whole] = [millis(first), millis(performance.now() - began)];
    say((form.dataset.saysAnswered ?? "").replace("{first}", begun).replace("{whole}", whole), "good");
    done.hidden = false;
  });
  listModels();
}

/** @param {HTMLElement} form @param {import("../lib/chat.js").Problem} problem */
function told({ dataset }, { kind, status = 0, words = "" }) {
  const texts = { offline: dataset.saysOffline, cut: dataset.saysCut, unreadable: dataset.saysUnreadable };
  const text = kind === "status" || kind === "told" ? dataset.saysRefused : (texts[kind] ?? dataset.saysCut);
  return (text ?? "").replace("{status}", status ? String(status) : "").replace("{words}", words);
}
