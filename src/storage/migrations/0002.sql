-- The admin API: checks and classes of keys, hours of keys and tokens, hits of the response cache, the audit log, jobs.

ALTER TABLE api_keys ADD COLUMN checked_at INTEGER;
ALTER TABLE api_keys ADD COLUMN check_verdict TEXT CHECK (check_verdict IN ('valid', 'invalid', 'unknown'));
ALTER TABLE api_keys ADD COLUMN class TEXT CHECK (class IN ('kimi', 'llama', 'qwen', 'general', 'other'));

DROP INDEX api_keys_newest_first;
CREATE INDEX api_keys_by_creation ON api_keys (
    created_at, id, provider_id, disabled_at, disabled_until_at, cooldown_until_at, expires_at, class, check_verdict,
    last4, label_folded, deleted_at
) WHERE deleted_at IS NULL;

DROP INDEX client_tokens_newest_first;
CREATE INDEX client_tokens_by_creation ON client_tokens (
    created_at, id, provider_id, disabled_at, expires_at, last4, name, deleted_at
) WHERE deleted_at IS NULL;

ALTER TABLE token_stats ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE global_stats ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE model_stats ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hourly_stats ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;

CREATE TABLE key_hourly (
    hour_at INTEGER NOT NULL CHECK (hour_at % 3600000 = 0),
    api_key_id TEXT NOT NULL,
    requests INTEGER NOT NULL,
    success INTEGER NOT NULL,
    failure INTEGER NOT NULL,
    client_gone INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    cost_nanos INTEGER NOT NULL,
    PRIMARY KEY (hour_at, api_key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE token_hourly (
    hour_at INTEGER NOT NULL CHECK (hour_at % 3600000 = 0),
    client_token_id TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    success INTEGER NOT NULL,
    failure INTEGER NOT NULL,
    client_gone INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    cost_nanos INTEGER NOT NULL,
    cache_hits INTEGER NOT NULL,
    PRIMARY KEY (hour_at, client_token_id, provider_id, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_log (
    id TEXT NOT NULL PRIMARY KEY,
    happened_at INTEGER NOT NULL,
    actor TEXT NOT NULL CHECK (actor IN ('admin', 'system')),
    client_address TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    subject TEXT,
    before TEXT,
    after TEXT
) STRICT;

CREATE INDEX audit_log_by_time ON audit_log (happened_at);
CREATE INDEX audit_log_by_subject ON audit_log (subject, happened_at) WHERE subject IS NOT NULL;

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('health_check', 'import', 'edit')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled', 'failed')),
    provider_id TEXT,
    task TEXT NOT NULL,
    total INTEGER NOT NULL CHECK (total >= 0),
    error TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    actor TEXT NOT NULL CHECK (actor IN ('admin', 'system')),
    client_address TEXT,
    request_id TEXT,
    results TEXT
) STRICT;

CREATE INDEX jobs_newest_first ON jobs (created_at DESC, id DESC);

CREATE TABLE job_items (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number > 0),
    api_key_id TEXT,
    label TEXT,
    secret_ciphertext BLOB,
    result TEXT,
    detail TEXT,
    PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_items_by_result ON job_items (job_id, result, number);
