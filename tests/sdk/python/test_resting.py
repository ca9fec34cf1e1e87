"""The OpenAI SDK for Python against a pool whose keys all rest."""

import unittest

import openai


class Resting(unittest.TestCase):
    def test_rate_limit(self):
        with openai.OpenAI(max_retries=0, timeout=10) as client:
            with self.assertRaises(openai.RateLimitError) as raised:
                client.chat.completions.create(model="test-model", messages=[{"role": "user", "content": "hi"}])
        self.assertGreater(int(raised.exception.response.headers["retry-after"]), 0)
        self.assertTrue(raised.exception.body["message"])


if __name__ == "__main__":
    unittest.main()
