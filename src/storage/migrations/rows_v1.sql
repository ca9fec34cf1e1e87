INSERT INTO settings (name, value) VALUES ('some.name', 'as it was');
INSERT INTO providers (id, label, kind, created_at, updated_at) VALUES ('ollama', 'Ollama Cloud', 'ollama', 1, 1);
INSERT INTO api_keys (id, provider_id, label, label_folded, last4, fingerprint, created_at, updated_at, secret_ciphertext)
VALUES ('019b0a3c-5f00-7abc-8def-0123456789ab', 'ollama', 'kept', 'kept', '1234', zeroblob(16), 1, 1, x'00');
INSERT INTO client_tokens (id, name, token_hash, last4, created_at, updated_at, token_ciphertext)
VALUES ('019b0a3c-5f00-7abc-8def-0123456789ac', 'kept', zeroblob(32), '1234', 1, 1, x'00');
INSERT INTO key_stats VALUES ('019b0a3c-5f00-7abc-8def-0123456789ab', 7, 6, 1, 0, 1, 1, 0, 0, 1, 1, 1);
INSERT INTO token_stats VALUES ('019b0a3c-5f00-7abc-8def-0123456789ac', 7, 6, 1, 0, 1, 1, 0, 0, 1);
INSERT INTO global_stats VALUES ('ollama', 7, 6, 1, 0, 1, 1, 0, 0);
INSERT INTO model_stats VALUES ('ollama', 'gpt-oss:120b', 7, 6, 1, 0, 1, 1, 0, 0);
INSERT INTO hourly_stats VALUES (3600000, 'ollama', 'gpt-oss:120b', 7, 6, 1, 0, 1, 1, 0, 0, zeroblob(152), zeroblob(152));
