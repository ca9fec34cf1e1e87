// The OpenAI SDK for Node against a pool with usable keys.
// OPENAI_BASE_URL and OPENAI_API_KEY come from the Rust test that started the pool; the SDK reads them itself.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0, timeout: 10_000 });
const messages = [{ role: "user", content: "hi" }];

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test("chat", async () => {
  const answer = await client.chat.completions.create({ model: "test-model", messages });
  assert.equal(answer.choices[0].message.content, "hello world");
  assert.equal(answer.usage.total_tokens, 5);
});

test("stream", async () => {
  const chunks = await collect(await client.chat.completions.create({ model: "test-model", messages, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), "hello world");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.ok(chunks.every((chunk) => !chunk.usage), "usage that nobody asked for");
});

test("stream with usage", async () => {
  const options = { model: "test-model", messages, stream: true, stream_options: { include_usage: true } };
  const last = (await collect(await client.chat.completions.create(options))).at(-1);
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.total_tokens, 5);
});

test("models", async () => {
  assert.deepEqual((await collect(await client.models.list())).map((model) => model.id), ["test-model"]);
  assert.equal((await client.models.retrieve("test-model")).id, "test-model");
});

test("embeddings", async () => {
  const answer = await client.embeddings.create({ model: "test-model", input: "hi" });
  assert.deepEqual(Array.from(answer.data[0].embedding), [0.25, -0.5]);
});

test("wrong token", async () => {
  const stranger = client.withOptions({ apiKey: `sk-${"0".repeat(48)}` });
  const call = stranger.chat.completions.create({ model: "test-model", messages });
  await assert.rejects(call, OpenAI.AuthenticationError);
});

test("request without a model", async () => {
  await assert.rejects(client.post("/chat/completions", { body: { messages } }), OpenAI.BadRequestError);
});

test("unknown model", async () => {
  const call = client.chat.completions.create({ model: "missing-model", messages });
  await assert.rejects(call, (error) => error instanceof OpenAI.NotFoundError && /missing-model/.test(error.message));
  await assert.rejects(client.models.retrieve("missing-model"), OpenAI.NotFoundError);
});
