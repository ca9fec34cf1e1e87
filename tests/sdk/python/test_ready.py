"""The OpenAI SDK for Python against a pool with usable keys.

OPENAI_BASE_URL and OPENAI_API_KEY come from the Rust test that started the pool; the SDK reads them itself.
"""

import unittest

import openai

MESSAGES = [{"role": "user", "content": "hi"}]


class Ready(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(max_retries=0, timeout=10)
        self.addCleanup(self.client.close)

    def test_chat(self):
        answer = self.client.chat.completions.create(model="test-model", messages=MESSAGES)
        self.assertEqual(answer.choices[0].message.content, "hello world")
        self.assertEqual(answer.usage.total_tokens, 5)

    def test_stream(self):
        stream = self.client.chat.completions.create(model="test-model", messages=MESSAGES, stream=True)
        chunks = list(stream)
        self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks), "hello world")
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        self.assertTrue(all(c.usage is None for c in chunks), "usage that nobody asked for")

    def test_stream_with_usage(self):
        stream = self.client.chat.completions.create(
            model="test-model", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        last = list(stream)[-1]
        self.assertEqual((last.choices, last.usage.total_tokens), ([], 5))

    def test_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["test-model"])
        self.assertEqual(self.client.models.retrieve("test-model").id, "test-model")

    def test_embeddings(self):
        answer = self.client.embeddings.create(model="test-model", input="hi")
        self.assertEqual(answer.data[0].embedding, [0.25, -0.5])

    def test_wrong_token(self):
        stranger = self.client.with_options(api_key="sk-" + "0" * 48)
        with self.assertRaises(openai.AuthenticationError):
            stranger.chat.completions.create(model="test-model", messages=MESSAGES)

    def test_request_without_a_model(self):
        with self.assertRaises(openai.BadRequestError):
            self.client.post("/chat/completions", body={"messages": MESSAGES}, cast_to=object)

    def test_unknown_model(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client.chat.completions.create(model="missing-model", messages=MESSAGES)
        self.assertIn("missing-model", str(raised.exception))
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("missing-model")


if __name__ == "__main__":
    unittest.main()
