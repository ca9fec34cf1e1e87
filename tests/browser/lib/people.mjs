// Names as they are given to keys and tokens: long and short, in several scripts, and one that tries to be HTML.

export const KEY_LABELS = [
  "lin.yue@example.com", "research-a", "research-b", "Tomás Ferreira", "王小明", "dana@example.org", "team-vision",
  "ops / spare", "k.ødegård@example.no", "实验室 3 号", "mika", "noor.haddad@example.com", "batch-eu-1", "batch-eu-2",
  "陈思远 (备用)", "anonymous donor", "j.okafor@example.com", "priya", "old laptop", "интеграция", "study group",
  "a label that somebody made much too long because nobody told them that it has to fit into a column of a table",
  "s.marino@example.it", "hackathon 2026", "周末项目", "e2e", "felix", "grant-4711", "yuki@example.jp", "", "",
  "<b>bold</b> & \"quoted\"", "rack 7", "shared", "pilot", "last one",
];

export const CLIENTS = [
  { name: "web-app", provider: "ollama" },
  { name: "nightly evals", provider: "all" },
  { name: "翻译服务", provider: "ollama" },
  { name: "Cursor (Lin)", provider: "openrouter", expiresIn: 3 * 86_400 },
  { name: "support bot", provider: "ollama", expiresIn: 90 * 86_400 },
  { name: "workshop on Thursday", provider: "all", expiresIn: 3_600 },
  { name: "old laptop", provider: "ollama" },
];

export const ROUTED_KEY_LABELS = ["openrouter main", "openrouter 团队", "openrouter spare"];

/** What is asked for, by provider, the most popular first. */
export const MODELS = {
  ollama: ["gpt-oss:120b", "qwen3-coder:480b", "kimi-k2:1t", "deepseek-v3.1:671b", "glm-4.6", "gpt-oss:20b"],
  openrouter: ["anthropic/claude-sonnet-4.5", "openai/gpt-5-mini", "google/gemini-2.5-flash", "z-ai/glm-4.6"],
};
