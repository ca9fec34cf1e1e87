// @ts-check
// One chat with a model through this server, streamed or whole, in OpenAI's form. Nothing is thrown: what went wrong is
// told in the outcome.
import { events } from "./sse.js";

/** What went wrong: `status` the server refused, `offline` it could not be reached, `cut` the answer broke off,
 * `told` the answer itself says so, `unreadable` it is none, `stopped` nobody wanted it any more.
 * @typedef {{ kind: "status" | "offline" | "cut" | "told" | "unreadable" | "stopped", status?: number, words?: string,
 *   waitS?: number }} Problem */
/** @typedef {{ prompt_tokens?: number, completion_tokens?: number }} Usage */
/** @typedef {{ usage?: Usage, problem?: Problem }} Outcome */
/** @typedef {(text: string, reasoning: string) => void} OnPiece */

/**
 * @param {{ url: string, token: string, body: { stream?: boolean }, signal: AbortSignal }} request
 * @param {OnPiece} onPiece is given what comes, piece by piece
 * @returns {Promise<Outcome>}
 */
export async function chat({ url, token, body, signal }, onPiece) {
  try {
    const response = await ask(url, token, signal, body);
    if (!response.ok) return { problem: await refusal(response) };
    return await (body.stream && response.body ? streamed(response.body, onPiece) : whole(response, onPiece));
  } catch (error) {
    if (signal.aborted) return { problem: { kind: "stopped" } };
    return { problem: { kind: error instanceof SyntaxError ? "unreadable" : "offline" } };
  }
}

/** The ids of the models. @param {string} url @param {string} token @param {AbortSignal} signal
 * @returns {Promise<{ models: string[], problem?: Problem }>} */
export async function models(url, token, signal) {
  try {
    const response = await ask(url, token, signal);
    if (!response.ok) return { models: [], problem: await refusal(response) };
    const { data } = await response.json();
    return { models: data.map((/** @type {{ id: string }} */ model) => model.id).sort() };
  } catch {
    return { models: [], problem: { kind: signal.aborted ? "stopped" : "offline" } };
  }
}

/** The session of the console is none of the relays' business.
 * @param {string} url @param {string} token @param {AbortSignal} signal @param {object} [body] */
function ask(url, token, signal, body) {
  const headers = new Headers(body && { "Content-Type": "application/json" });
  // A token with other characters is none; the server says so.
  if (token) headers.set("Authorization", `Bearer ${encodeURI(token)}`);
  const method = body ? "POST" : "GET";
  // What was answered without this token, or with another one, says nothing.
  const cache = "no-store";
  return fetch(url, { method, headers, body: JSON.stringify(body), signal, cache, credentials: "omit" });
}

/** @param {Response} response @param {OnPiece} onPiece @returns {Promise<Outcome>} */
async function whole(response, onPiece) {
  const answer = await response.json();
  const message = answer.choices?.[0]?.message;
  if (!message) return { problem: { kind: "unreadable" } };
  onPiece(textOf(message.content), reasoningOf(message));
  return { usage: answer.usage };
}

/** @param {ReadableStream<Uint8Array>} body @param {OnPiece} onPiece @returns {Promise<Outcome>} */
async function streamed(body, onPiece) {
  /** @type {Usage | undefined} */
  let usage;
  /** @type {Problem} */
  let problem = { kind: "cut" };
  try {
    for await (const { data } of events(body)) {
      if (data === "[DONE]") return { usage };
      const piece = JSON.parse(data);
      if (piece.error) problem = { kind: "told", words: wordsOf(piece) };
      usage = piece.usage ?? usage;
      const delta = piece.choices?.[0]?.delta;
      if (delta) onPiece(textOf(delta.content), reasoningOf(delta));
    }
  } catch (error) {
    // A stream that somebody stopped, or whose connection broke in the middle.
    if (error instanceof SyntaxError || /** @type {Error} */ (error).name === "AbortError") throw error;
  }
  return { usage, problem };
}

/** @param {Response} response @returns {Promise<Problem>} */
async function refusal(response) {
  const text = await response.text();
  const after = Number(response.headers.get("retry-after"));
  let words = "";
  try {
    words = wordsOf(JSON.parse(text));
  } catch {
    // Not of this server's making, so there is nothing to quote.
  }
  return { kind: "status", status: response.status, words, waitS: after > 0 ? after : undefined };
}

/** @param {any} body */
const wordsOf = ({ error }) => String(typeof error === "string" ? error : (error?.message ?? ""));

/** Providers call it differently. @param {any} message */
const reasoningOf = (message) => textOf(message.reasoning_content ?? message.reasoning ?? message.thinking);

/** @param {unknown} text */
const textOf = (text) => (typeof text === "string" ? text : "");
