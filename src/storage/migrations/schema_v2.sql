-- The complete current schema, in force as soon as it is written here.
--
-- Conventions: columns ending in `_at` are moments in milliseconds since the Unix epoch, UTC. Ids are UUIDv7 text, so
-- that they sort by creation and several nodes can make them alone. `*_ciphertext` is sealed with the master key and
-- bound to its column and row. `PRAGMA user_version` counts the versions of this file and is set by the program.
-- Counts of statistics only grow, and every `requests` is the sum of `success`, `failure` and `client_gone`.

-- What the program remembers about itself and what an admin set at run time.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,  -- such as `vault_check`
    value TEXT NOT NULL               -- its form is the business of whoever owns the name
) STRICT;

-- Upstream services. Their configuration is elsewhere; the rows are what keys and tokens refer to.
CREATE TABLE providers (
    id         TEXT    NOT NULL PRIMARY KEY,  -- as in routes: `ollama`
    label      TEXT    NOT NULL,              -- for people: `Ollama Cloud`
    kind       TEXT    NOT NULL CHECK (kind IN ('ollama', 'openrouter', 'openai_compatible')),  -- whose rules apply
    created_at INTEGER NOT NULL,              -- when it was first configured
    updated_at INTEGER NOT NULL               -- when label or kind last changed
) STRICT;

-- Upstream credentials. A deleted key keeps its row, because its statistics refer to it, but loses its secret.
CREATE TABLE api_keys (
    id                  TEXT    NOT NULL PRIMARY KEY,  -- UUIDv7
    provider_id         TEXT    NOT NULL REFERENCES providers (id) ON DELETE RESTRICT,  -- where it is valid
    label               TEXT    NOT NULL,              -- given by the admin; may be empty
    label_folded        TEXT    NOT NULL,              -- the label in lower case, to be searched; SQLite folds ASCII only
    last4               TEXT    NOT NULL CHECK (length(last4) IN (0, 4)),  -- its last characters; empty for a short key
    fingerprint         BLOB    NOT NULL CHECK (length(fingerprint) = 16), -- keyed digest by which the key is found
    disabled_at         INTEGER,                       -- when an admin disabled it; NULL: is not disabled
    disabled_until_at   INTEGER,                       -- when that ends; NULL: when an admin enables it
    expires_at          INTEGER,                       -- not used from then on; NULL: never
    strikes             INTEGER NOT NULL DEFAULT 0 CHECK (strikes >= 0),  -- faults of this key in a row
    cooldown_until_at   INTEGER,                       -- rests until then; NULL: never rested, or was enabled since
    cooldown_reason     TEXT,                          -- why, as a word of `Reason`
    cooldown_provenance TEXT    CHECK (cooldown_provenance IN ('stated', 'computed', 'guessed')),  -- how sure the end is
    cooldown_scope      TEXT    CHECK (cooldown_scope IN ('key', 'account')),  -- what was at fault
    created_at          INTEGER NOT NULL,              -- when it was added
    updated_at          INTEGER NOT NULL,              -- when anything but its health last changed
    deleted_at          INTEGER,                       -- when it was deleted; NULL: is in use
    secret_ciphertext   BLOB,                          -- the key itself, sealed; NULL once deleted
    checked_at          INTEGER,                       -- when its provider was last asked about it; NULL: never
    check_verdict       TEXT CHECK (check_verdict IN ('valid', 'invalid', 'unknown')),  -- what came of that
    class               TEXT CHECK (class IN ('kimi', 'llama', 'qwen', 'general', 'other')),  -- by the models it may use
    CHECK (disabled_at IS NOT NULL OR disabled_until_at IS NULL),
    CHECK ((cooldown_until_at IS NULL) = (cooldown_reason IS NULL)),
    CHECK ((cooldown_until_at IS NULL) = (cooldown_provenance IS NULL)),
    CHECK ((cooldown_until_at IS NULL) = (cooldown_scope IS NULL)),
    CHECK ((deleted_at IS NULL) = (secret_ciphertext IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX api_keys_by_fingerprint ON api_keys (provider_id, fingerprint) WHERE deleted_at IS NULL;
-- Beyond the order it holds all that a list is filtered by, so that a filter reads no row that it does not show; also
-- `deleted_at`, without which SQLite would look at the row. Ascending, because then new keys fill its pages one by one.
CREATE INDEX api_keys_by_creation ON api_keys (
    created_at, id, provider_id, disabled_at, disabled_until_at, cooldown_until_at, expires_at, class, check_verdict,
    last4, label_folded, deleted_at
) WHERE deleted_at IS NULL;

-- Learned: the owner of a key may not use a model for a time.
CREATE TABLE model_rests (
    api_key_id TEXT    NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,  -- whose owner
    model      TEXT    NOT NULL,  -- as the upstream names it
    until_at   INTEGER NOT NULL,  -- not tried before then
    reason     TEXT    NOT NULL,  -- why, as a word of `Reason`
    provenance TEXT    NOT NULL CHECK (provenance IN ('stated', 'computed', 'guessed')),  -- how sure the end is
    PRIMARY KEY (api_key_id, model)
) STRICT, WITHOUT ROWID;

-- Learned: a model, or a provider as a whole, that is left alone for a time through no fault of any key.
CREATE TABLE upstream_rests (
    provider_id TEXT    NOT NULL REFERENCES providers (id) ON DELETE CASCADE,  -- whose model, or which as a whole
    model       TEXT,              -- as the client named it; NULL: the provider as a whole
    until_at    INTEGER NOT NULL,  -- nothing is sent before then
    reason      TEXT    NOT NULL,  -- why, as a word of `Reason`
    provenance  TEXT    NOT NULL CHECK (provenance IN ('stated', 'computed', 'guessed'))  -- how sure the end is
) STRICT;

-- Two, because no NULL equals another in a unique index.
CREATE UNIQUE INDEX upstream_rests_by_model ON upstream_rests (provider_id, model);
CREATE UNIQUE INDEX upstream_rests_of_providers ON upstream_rests (provider_id) WHERE model IS NULL;

-- What clients present. A deleted token keeps its row, because its statistics refer to it, but loses its secret.
CREATE TABLE client_tokens (
    id               TEXT    NOT NULL PRIMARY KEY,  -- UUIDv7
    name             TEXT    NOT NULL,              -- given by the admin; may be empty
    provider_id      TEXT    REFERENCES providers (id) ON DELETE RESTRICT,  -- the only one it may use; NULL: all
    token_hash       BLOB    NOT NULL CHECK (length(token_hash) = 32),      -- SHA-256 of the text, by which it is found
    last4            TEXT    NOT NULL CHECK (length(last4) IN (0, 4)),      -- its last characters
    expires_at       INTEGER,                       -- refused from then on; NULL: never
    disabled_at      INTEGER,                       -- refused since then; NULL: is not disabled
    created_at       INTEGER NOT NULL,              -- when it was made
    updated_at       INTEGER NOT NULL,              -- when it last changed
    deleted_at       INTEGER,                       -- when it was deleted; NULL: is in use
    token_ciphertext BLOB,                          -- the token itself, sealed, to be revealed; NULL once deleted
    CHECK ((deleted_at IS NULL) = (token_ciphertext IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX client_tokens_by_hash ON client_tokens (token_hash) WHERE deleted_at IS NULL;
-- As `api_keys_by_creation`.
CREATE INDEX client_tokens_by_creation ON client_tokens (
    created_at, id, provider_id, disabled_at, expires_at, last4, name, deleted_at
) WHERE deleted_at IS NULL;

-- Attempts with each API key. One client request may have tried several keys.
CREATE TABLE key_stats (
    api_key_id      TEXT    NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,  -- the key
    requests        INTEGER NOT NULL,  -- attempts
    success         INTEGER NOT NULL,  -- answered in full
    failure         INTEGER NOT NULL,  -- failed, whoever was to blame
    client_gone     INTEGER NOT NULL,  -- the client left before the end
    input_tokens    INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens   INTEGER NOT NULL,  -- completion tokens
    cached_tokens   INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos      INTEGER NOT NULL,  -- stated cost in nano-dollars
    last_used_at    INTEGER NOT NULL,  -- the end of the latest attempt
    last_success_at INTEGER,           -- of the latest that succeeded; NULL: none yet
    last_failure_at INTEGER            -- of the latest that failed; NULL: none yet
) STRICT, WITHOUT ROWID;

-- Client requests with each client token.
CREATE TABLE token_stats (
    client_token_id TEXT    NOT NULL PRIMARY KEY REFERENCES client_tokens (id) ON DELETE CASCADE,  -- the token
    requests        INTEGER NOT NULL,  -- client requests
    success         INTEGER NOT NULL,  -- answered in full
    failure         INTEGER NOT NULL,  -- not answered, or with an error
    client_gone     INTEGER NOT NULL,  -- the client left before the end
    input_tokens    INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens   INTEGER NOT NULL,  -- completion tokens
    cached_tokens   INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos      INTEGER NOT NULL,  -- stated cost in nano-dollars
    last_used_at    INTEGER NOT NULL,  -- the end of the latest request
    cache_hits      INTEGER NOT NULL DEFAULT 0  -- of `success`, those answered from the response cache
) STRICT, WITHOUT ROWID;

-- Client requests of all time by provider. Like the two tables below it refers to no row: it outlives the provider.
CREATE TABLE global_stats (
    provider_id   TEXT    NOT NULL PRIMARY KEY,  -- as in `providers`
    requests      INTEGER NOT NULL,  -- client requests
    success       INTEGER NOT NULL,  -- answered in full
    failure       INTEGER NOT NULL,  -- not answered, or with an error
    client_gone   INTEGER NOT NULL,  -- the client left before the end
    input_tokens  INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens INTEGER NOT NULL,  -- completion tokens
    cached_tokens INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos    INTEGER NOT NULL,  -- stated cost in nano-dollars
    cache_hits    INTEGER NOT NULL DEFAULT 0  -- of `success`, those answered from the response cache
) STRICT, WITHOUT ROWID;

-- Client requests of all time by provider and model.
CREATE TABLE model_stats (
    provider_id   TEXT    NOT NULL,  -- as in `providers`
    model         TEXT    NOT NULL,  -- as the client named it
    requests      INTEGER NOT NULL,  -- client requests
    success       INTEGER NOT NULL,  -- answered in full
    failure       INTEGER NOT NULL,  -- not answered, or with an error
    client_gone   INTEGER NOT NULL,  -- the client left before the end
    input_tokens  INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens INTEGER NOT NULL,  -- completion tokens
    cached_tokens INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos    INTEGER NOT NULL,  -- stated cost in nano-dollars
    cache_hits    INTEGER NOT NULL DEFAULT 0,  -- of `success`, those answered from the response cache
    PRIMARY KEY (provider_id, model)
) STRICT, WITHOUT ROWID;

-- Client requests by UTC hour, provider and model. The hour leads, because it is always asked for a span of time.
CREATE TABLE hourly_stats (
    hour_at       INTEGER NOT NULL CHECK (hour_at % 3600000 = 0),  -- the start of the hour
    provider_id   TEXT    NOT NULL,  -- as in `providers`
    model         TEXT    NOT NULL,  -- as the client named it
    requests      INTEGER NOT NULL,  -- client requests
    success       INTEGER NOT NULL,  -- answered in full
    failure       INTEGER NOT NULL,  -- not answered, or with an error
    client_gone   INTEGER NOT NULL,  -- the client left before the end
    input_tokens  INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens INTEGER NOT NULL,  -- completion tokens
    cached_tokens INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos    INTEGER NOT NULL,  -- stated cost in nano-dollars
    latency       BLOB    NOT NULL CHECK (length(latency) = 152),      -- counts by duration until the answer's end
    first_token   BLOB    NOT NULL CHECK (length(first_token) = 152),  -- counts by duration until a stream's first event
    cache_hits    INTEGER NOT NULL DEFAULT 0,  -- of `success`, those answered from the response cache
    PRIMARY KEY (hour_at, provider_id, model)
) STRICT, WITHOUT ROWID;

-- Attempts with each API key by UTC hour, for as long as its setting says.
CREATE TABLE key_hourly (
    hour_at       INTEGER NOT NULL CHECK (hour_at % 3600000 = 0),  -- the start of the hour
    api_key_id    TEXT    NOT NULL,  -- the key; it may be deleted since
    requests      INTEGER NOT NULL,  -- attempts
    success       INTEGER NOT NULL,  -- answered in full
    failure       INTEGER NOT NULL,  -- failed, whoever was to blame
    client_gone   INTEGER NOT NULL,  -- the client left before the end
    input_tokens  INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens INTEGER NOT NULL,  -- completion tokens
    cached_tokens INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos    INTEGER NOT NULL,  -- stated cost in nano-dollars
    PRIMARY KEY (hour_at, api_key_id)
) STRICT, WITHOUT ROWID;

-- Client requests with each client token by UTC hour, provider and model.
CREATE TABLE token_hourly (
    hour_at         INTEGER NOT NULL CHECK (hour_at % 3600000 = 0),  -- the start of the hour
    client_token_id TEXT    NOT NULL,  -- the token; it may be deleted since
    provider_id     TEXT    NOT NULL,  -- as in `providers`
    model           TEXT    NOT NULL,  -- as the client named it
    requests        INTEGER NOT NULL,  -- client requests
    success         INTEGER NOT NULL,  -- answered in full
    failure         INTEGER NOT NULL,  -- not answered, or with an error
    client_gone     INTEGER NOT NULL,  -- the client left before the end
    input_tokens    INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens   INTEGER NOT NULL,  -- completion tokens
    cached_tokens   INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos      INTEGER NOT NULL,  -- stated cost in nano-dollars
    cache_hits      INTEGER NOT NULL,  -- of `success`, those answered from the response cache
    PRIMARY KEY (hour_at, client_token_id, provider_id, model)
) STRICT, WITHOUT ROWID;

-- Who changed what. Written in the transaction of the change, and never changed.
CREATE TABLE audit_log (
    id             TEXT    NOT NULL PRIMARY KEY,  -- UUIDv7
    happened_at    INTEGER NOT NULL,  -- when
    actor          TEXT    NOT NULL CHECK (actor IN ('admin', 'system')),  -- who
    client_address TEXT,              -- from where; NULL: from within
    request_id     TEXT,              -- of the request that asked for it, as in the log; NULL: none did
    action         TEXT    NOT NULL,  -- such as `api_key.disable`
    subject        TEXT,              -- the id or the name of what was changed; NULL: of several things
    before         TEXT,              -- what was, as JSON without secrets; NULL: nothing
    after          TEXT               -- what is, likewise
) STRICT;

CREATE INDEX audit_log_by_time ON audit_log (happened_at);
CREATE INDEX audit_log_by_subject ON audit_log (subject, happened_at) WHERE subject IS NOT NULL;

-- Long work, which goes on where it was after a restart.
CREATE TABLE jobs (
    id          TEXT    NOT NULL PRIMARY KEY,  -- UUIDv7
    kind        TEXT    NOT NULL CHECK (kind IN ('health_check', 'import', 'edit')),  -- what is done
    state       TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled', 'failed')),  -- how far it is
    provider_id TEXT,              -- the provider of all items; NULL: of several
    task        TEXT    NOT NULL,  -- what is to be done with each item, as JSON without secrets
    total       INTEGER NOT NULL CHECK (total >= 0),  -- items
    error       TEXT,              -- why it failed; NULL: it did not
    created_at  INTEGER NOT NULL,  -- when it was asked for
    started_at  INTEGER,           -- when the first item was begun; NULL: not yet
    ended_at    INTEGER,           -- when it was done, cancelled or failed; NULL: not yet
    actor       TEXT    NOT NULL CHECK (actor IN ('admin', 'system')),  -- who asked for it
    client_address TEXT,           -- from where; NULL: nobody asked from outside
    request_id  TEXT,              -- of the request that asked for it; NULL: none did
    results     TEXT               -- how many items came to each result, as JSON; NULL: not over yet, count them
) STRICT;

CREATE INDEX jobs_newest_first ON jobs (created_at DESC, id DESC);

-- What a job has to do, one row for each key.
CREATE TABLE job_items (
    job_id            TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,  -- whose
    number            INTEGER NOT NULL CHECK (number > 0),  -- in the order given, from 1
    api_key_id        TEXT,     -- the key; NULL: it is not in the pool, or not yet
    label             TEXT,     -- of a key that is to be added
    secret_ciphertext BLOB,     -- a key that is to be added, sealed; NULL once that is decided
    result            TEXT,     -- a word for what came of it; NULL: not done yet
    detail            TEXT,     -- more about that, as JSON without secrets
    PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_items_by_result ON job_items (job_id, result, number);
