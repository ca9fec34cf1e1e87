// The OpenAI SDK for Node against a pool whose keys all rest.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

test("rate limit", async () => {
  const client = new OpenAI({ maxRetries: 0, timeout: 10_000 });
  const call = client.chat.completions.create({ model: "test-model", messages: [{ role: "user", content: "hi" }] });
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError, `${error}`);
    assert.ok(Number(error.headers.get("retry-after")) > 0);
    assert.ok(error.error.message);
    return true;
  });
});
