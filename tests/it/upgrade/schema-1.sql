-- What a program of schema version 1 left in its data directory when it was stopped, as SQL.
--
-- It was made by that version itself: keys of both providers, some at rest, rejected, disabled, expired or deleted; client
-- tokens with one provider or all, one expired, one deleted; and 77 requests, the last of them at 1795338802193. Its master
-- key and the texts of its secrets are in `upgrade/old.rs`.

PRAGMA page_size = 4096;
PRAGMA auto_vacuum = 2;
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1329680460;
PRAGMA user_version = 1;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,  -- such as `vault_check`
    value TEXT NOT NULL               -- its form is the business of whoever owns the name
) STRICT;

CREATE TABLE providers (
    id         TEXT    NOT NULL PRIMARY KEY,  -- as in routes: `ollama`
    label      TEXT    NOT NULL,              -- for people: `Ollama Cloud`
    kind       TEXT    NOT NULL CHECK (kind IN ('ollama', 'openrouter', 'openai_compatible')),  -- whose rules apply
    created_at INTEGER NOT NULL,              -- when it was first configured
    updated_at INTEGER NOT NULL               -- when label or kind last changed
) STRICT;

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
    CHECK (disabled_at IS NOT NULL OR disabled_until_at IS NULL),
    CHECK ((cooldown_until_at IS NULL) = (cooldown_reason IS NULL)),
    CHECK ((cooldown_until_at IS NULL) = (cooldown_provenance IS NULL)),
    CHECK ((cooldown_until_at IS NULL) = (cooldown_scope IS NULL)),
    CHECK ((deleted_at IS NULL) = (secret_ciphertext IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX api_keys_by_fingerprint ON api_keys (provider_id, fingerprint) WHERE deleted_at IS NULL;

CREATE INDEX api_keys_newest_first ON api_keys (
    deleted_at, created_at DESC, id DESC, provider_id, disabled_at, disabled_until_at, cooldown_until_at, expires_at,
    last4, label_folded
);

CREATE TABLE model_rests (
    api_key_id TEXT    NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,  -- whose owner
    model      TEXT    NOT NULL,  -- as the upstream names it
    until_at   INTEGER NOT NULL,  -- not tried before then
    reason     TEXT    NOT NULL,  -- why, as a word of `Reason`
    provenance TEXT    NOT NULL CHECK (provenance IN ('stated', 'computed', 'guessed')),  -- how sure the end is
    PRIMARY KEY (api_key_id, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE upstream_rests (
    provider_id TEXT    NOT NULL REFERENCES providers (id) ON DELETE CASCADE,  -- whose model, or which as a whole
    model       TEXT,              -- as the client named it; NULL: the provider as a whole
    until_at    INTEGER NOT NULL,  -- nothing is sent before then
    reason      TEXT    NOT NULL,  -- why, as a word of `Reason`
    provenance  TEXT    NOT NULL CHECK (provenance IN ('stated', 'computed', 'guessed'))  -- how sure the end is
) STRICT;

CREATE UNIQUE INDEX upstream_rests_by_model ON upstream_rests (provider_id, model);

CREATE UNIQUE INDEX upstream_rests_of_providers ON upstream_rests (provider_id) WHERE model IS NULL;

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

CREATE INDEX client_tokens_newest_first ON client_tokens (created_at DESC, id DESC) WHERE deleted_at IS NULL;

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
    last_used_at    INTEGER NOT NULL   -- the end of the latest request
) STRICT, WITHOUT ROWID;

CREATE TABLE global_stats (
    provider_id   TEXT    NOT NULL PRIMARY KEY,  -- as in `providers`
    requests      INTEGER NOT NULL,  -- client requests
    success       INTEGER NOT NULL,  -- answered in full
    failure       INTEGER NOT NULL,  -- not answered, or with an error
    client_gone   INTEGER NOT NULL,  -- the client left before the end
    input_tokens  INTEGER NOT NULL,  -- prompt tokens, cached ones included
    output_tokens INTEGER NOT NULL,  -- completion tokens
    cached_tokens INTEGER NOT NULL,  -- the part of the input that the upstream had cached
    cost_nanos    INTEGER NOT NULL   -- stated cost in nano-dollars
) STRICT, WITHOUT ROWID;

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
    PRIMARY KEY (provider_id, model)
) STRICT, WITHOUT ROWID;

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
    PRIMARY KEY (hour_at, provider_id, model)
) STRICT, WITHOUT ROWID;

INSERT INTO settings (name, value) VALUES
    ('vault_check', 'TkQRRA0eQkBJ23INrQGUJXB3MryUAjsbr81wdKEnNW9XTLys9n8nL7OSF4+x8UEJzIUN8m1KXQ=='),
    ('admin_token_hash', 'b2441d5d5fd4ae08c9183fbe0f454a4f0a9f0e1b55f240167ceb220911d130f5');

INSERT INTO providers (id, label, kind, created_at, updated_at) VALUES
    ('ollama', 'Ollama Cloud', 'ollama', 1795338797126, 1795338797126),
    ('openrouter', 'OpenRouter', 'openrouter', 1795338797126, 1795338797126);

INSERT INTO api_keys (id, provider_id, label, label_folded, last4, fingerprint, disabled_at, disabled_until_at, expires_at, strikes, cooldown_until_at, cooldown_reason, cooldown_provenance, cooldown_scope, created_at, updated_at, deleted_at, secret_ciphertext) VALUES
    ('01a20288-00b9-7f46-ace2-79a07ba27eb9', 'ollama', 'alice', 'alice', '0001', X'1505f1a8004d2b15c03c11e269fa6220', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 1795338797241, 1795338797241, NULL, X'cdbd06a77ceb11171c6a3a4c988ac64214db64a8a61ac44289d217d7ef34db1941092665fd69b0ccd85729cd4d5ab238502a887c0fdef6e8b0ae73ff8dd47c'),
    ('01a20288-04dc-79b5-93d0-bb5edd6dd17a', 'ollama', 'deleted', 'deleted', '0008', X'4f3833701d31f07fd44267462a963dab', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 1795338798300, 1795338802186, 1795338802186, NULL),
    ('01a20288-04e0-7230-bd68-7e3f98b56466', 'ollama', 'Grün Müller', 'grün müller', '0002', X'3d46e793e3f3e39a857699d20122631e', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 1795338798304, 1795338798304, NULL, X'6880966089a39f7cb1d20d2d09f2998d13ecdba79c9f9b82ace4dfea9613af9cde5625c698541cc41cc592341a6f54afd17787977611534ceef4d75bbf8a8c2b34'),
    ('01a20288-056d-79d8-ac5f-a204026a0011', 'ollama', 'not entitled', 'not entitled', '0007', X'0bbac5dda616ecdf876032adb3a6719d', NULL, NULL, 1795857198445, 0, NULL, NULL, NULL, NULL, 1795338798445, 1795338798445, NULL, X'd8b445eed38fe49312cb4b905207e168395e0446b2d92acd747f27153c0f8551118ed9f3fdb0f6ea9f775b9758dcc1d879b5bd057dcea2d98e691d5eb055c1f00ece'),
    ('01a20288-06fd-78c4-a765-8477e0dcc663', 'ollama', 'resting', 'resting', '0005', X'cd39e6936241981c0516ccaf4c86026e', NULL, NULL, NULL, 0, 1795857199106, 'weekly_quota', 'stated', 'account', 1795338798845, 1795338798845, NULL, X'376f064e9d5961f5cba1cfbec8b53ca53a4229580543d56a6e31090a2313869eef07ba941fb6dc0b760c6204b2aba2fe2d635e72f8fffda7a2c30176eda93ec622'),
    ('01a20288-0707-7f26-986b-fc7d7ac3c617', 'ollama', 'rejected', 'rejected', '0006', X'f544b72543d8fbf77b0346452cba3f3e', NULL, NULL, NULL, 3, 1795342399646, 'three_strikes', 'guessed', 'key', 1795338798855, 1795338798855, NULL, X'001719074f372f12e6f57b020a3db2f165e81d58afd57f6c7d980c98264d5851fd81b7031c4a7a0a22e3c88eaa14004e91cb5ebf9ab1449de1b8f344bb78a3093e09'),
    ('01a20288-0fce-703d-8bfb-475d54787b98', 'ollama', 'disabled for good', 'disabled for good', '0003', X'77011ba812a8fd4a25e80193428bd95e', 1795338801169, NULL, NULL, 0, NULL, NULL, NULL, NULL, 1795338801102, 1795338801169, NULL, X'e83272f5d943c5c6795cb802fcdb6fe7fa5f06d3013d5dcbb7781ec0075ab55f2717d96888344dd60636fe8d6151f108abe5aa9cb19c0e3637e3c511301e61107621'),
    ('01a20288-0fe0-7cfa-b834-b9dee3742d3b', 'ollama', 'disabled for days', 'disabled for days', '0004', X'3d50d649efd913c6b186b947c5b5c823', 1795338801172, 1795857201172, NULL, 0, NULL, NULL, NULL, NULL, 1795338801120, 1795338801172, NULL, X'd8667c6afd138c8edda9b46bb2d41d2add437488bbc8586636c5d02715123a53e16ef4fe8ce23a36c2f0b6e53d9f2875105edc31e45fe3701dfac2df275ad987b3d9'),
    ('01a20288-0fea-7d45-b806-a38796706f70', 'ollama', 'expired', 'expired', '0009', X'0bb6202cfbd87644ae4f1441db27bbf9', NULL, NULL, 1795338802130, 0, NULL, NULL, NULL, NULL, 1795338801130, 1795338801130, NULL, X'375bcc4309b3a5c2619fbe951bc71b01dd45f976e14f11c88eb7a22cdcd52208d23c13364cea5a0427f47f73fb8c5f314fac229ae9ee0aef880ffe90de279af0b5'),
    ('01a20288-0ffe-7ff7-b99e-a05838fe027c', 'ollama', '', '', '', X'3daafceebbaadf5d12377718f35b9f11', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 1795338801150, 1795338801150, NULL, X'842e2608721ec52b4f3c61422d32096bd65062ffd1f71b88ae5bfa33465e5359af78d97bad117d283c8ef9c0391161caea'),
    ('01a20288-1258-72ef-8ad1-1a37de29e476', 'openrouter', 'alice''s', 'alice''s', '0001', X'49f4fed5c71abd50e42473fd28ecd4af', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 1795338801752, 1795338801752, NULL, X'9e78754ae807603c8b84c1a48583f546bb055a35871122213544467b07b8a1350537b4e5e98f8e33c17ea81dbac83316c1e82b773b17f27dbc9bd6755f'),
    ('01a20288-1260-7892-81c5-593587eb290d', 'openrouter', 'no credit', 'no credit', '0002', X'2c456447bcb97fd47a051e36cd88d760', NULL, NULL, NULL, 0, 1795339758858, 'no_credit', 'guessed', 'account', 1795338801760, 1795338801760, NULL, X'57d9f67d178820801a847ca18152fca86b874084b1a336971acff05f315a3955df7108ff3d74674f942e6ffa51dbb84d5d44d5400650b65da61293bba5b4c66273');

INSERT INTO model_rests (api_key_id, model, until_at, reason, provenance) VALUES
    ('01a20288-056d-79d8-ac5f-a204026a0011', 'big-model', 1795425198598, 'subscription', 'guessed');

INSERT INTO upstream_rests (provider_id, model, until_at, reason, provenance) VALUES
    ('ollama', 'overloaded-model', 1795341797386, 'overloaded', 'stated');

INSERT INTO client_tokens (id, name, provider_id, token_hash, last4, expires_at, disabled_at, created_at, updated_at, deleted_at, token_ciphertext) VALUES
    ('01a20288-008f-7f23-b7f2-e06b8412efad', 'laptop', 'ollama', X'75c7f5d231c0d43cfdd384de676be972836d097af43e31476745b1299e38eb16', 'mQTC', NULL, NULL, 1795338797199, 1795338797199, NULL, X'c4e775ac0c6085c40065bb5eff611eb4f72d543a095867f3d65939fc0034c536ed633242dbc53354f22a44dde80548a874c64d153569cf526f2ac446c1ebdcbe9fcc21ca8ee617572ac491f6e4f03b4edb2713a34e66f10acff505'),
    ('01a20288-009e-7509-bc24-ed7303fad668', 'everything', NULL, X'22dba5221a35bf8ae8d19b858572b39d248358dc3a48ae0ed2b58f70ff8ec1d2', 'eiiE', NULL, NULL, 1795338797214, 1795338797214, NULL, X'0cc1d663041666efd069b672a5ade4451cc5830fa85b2891c70e0cf71b80ebdb23cf03a9c16825178dafecb92193acaa4f116758a84df2657913b5987228c822bfc246a792d4983de30a92ee69a07f63f709334bd17d80775b9f8d'),
    ('01a20288-00ab-7558-8211-3edc58873eea', 'router', 'openrouter', X'3c78b1b5a0bee936510a48dcb7e814f1ba124d250fe6859d1f5a7974906de075', 't0fn', NULL, NULL, 1795338797227, 1795338797227, NULL, X'9d79430ad8769da709b97e94708c5c410ccdcdb70798f0592bdaa9231c598e30cbd9276d9d118cb809070bc71acd5cd66766b0696d5690893c6915e486168fe84de29b6a9b5db8a9268f2c3dd360e20362d44a83b862d6d6677cda'),
    ('01a20288-00ae-730b-908a-5a524ee356f4', 'guest', 'ollama', X'9d9283db4a6ab84b0b84df6b0d766d31e9d2261111f41f9d1828ff9931ec7127', 'RHYg', 1795857197230, NULL, 1795338797230, 1795338797230, NULL, X'9885025bf2ac100dc57d6a2654ee6ab005b3ba10fc9eb2277c8ca894eed02b434cf60c0f2dcf13d01739bafd4626571b9a355cb81895846e55b7105652d064404bfb7fc0f187beabcc7eeddcdb4bf49b5834a2e92b199777b6ad11'),
    ('01a20288-00b4-7fc6-98f5-105d377e8c97', 'expired', NULL, X'83f94b25504de8f01eb772c16f9106d2c3fffc4effcccfa5ceec035bd43d8847', 'DytU', 1795338798236, NULL, 1795338797236, 1795338797236, NULL, X'c6649e71fb5717e437645a2c9c17dc4f939a4a8883766ae8495ed5ea53a78942e48902ed33c34f12f5c9d952152908d30ae603e7f999655c488527253378f160a9f3b3831cbddb0ae829d7bd58d22be678cc08301ffadbec514862'),
    ('01a20288-00b7-7a99-9749-1240c3ee7ef4', 'deleted', 'ollama', X'd7a51dbf2463b1ec641209fcf5cf66b12fde5f4bdcba1ad469eca92a3c1497e5', 'i0SP', NULL, NULL, 1795338797239, 1795338802190, 1795338802190, NULL);

INSERT INTO key_stats (api_key_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos, last_used_at, last_success_at, last_failure_at) VALUES
    ('01a20288-00b9-7f46-ace2-79a07ba27eb9', 20, 19, 1, 0, 133, 38, 76, 0, 1795338801614, 1795338801614, 1795338797386),
    ('01a20288-04dc-79b5-93d0-bb5edd6dd17a', 17, 17, 0, 0, 119, 34, 68, 0, 1795338802182, 1795338802182, NULL),
    ('01a20288-04e0-7230-bd68-7e3f98b56466', 16, 16, 0, 0, 112, 32, 64, 0, 1795338801562, 1795338801562, NULL),
    ('01a20288-056d-79d8-ac5f-a204026a0011', 13, 12, 1, 0, 84, 24, 48, 0, 1795338801658, 1795338801658, 1795338798598),
    ('01a20288-06fd-78c4-a765-8477e0dcc663', 1, 0, 1, 0, 0, 0, 0, 0, 1795338799106, NULL, 1795338799106),
    ('01a20288-0707-7f26-986b-fc7d7ac3c617', 3, 0, 3, 0, 0, 0, 0, 0, 1795338799646, NULL, 1795338799646),
    ('01a20288-0fea-7d45-b806-a38796706f70', 2, 2, 0, 0, 14, 4, 8, 0, 1795338801702, 1795338801702, NULL),
    ('01a20288-0ffe-7ff7-b99e-a05838fe027c', 2, 2, 0, 0, 14, 4, 8, 0, 1795338801746, 1795338801746, NULL),
    ('01a20288-1258-72ef-8ad1-1a37de29e476', 7, 7, 0, 0, 49, 14, 28, 10500000, 1795338802138, 1795338802138, NULL),
    ('01a20288-1260-7892-81c5-593587eb290d', 1, 0, 1, 0, 0, 0, 0, 0, 1795338801862, NULL, 1795338801862);

INSERT INTO token_stats (client_token_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos, last_used_at) VALUES
    ('01a20288-008f-7f23-b7f2-e06b8412efad', 48, 47, 1, 0, 329, 94, 188, 0, 1795338802193),
    ('01a20288-009e-7509-bc24-ed7303fad668', 21, 21, 0, 0, 147, 42, 84, 1500000, 1795338802138),
    ('01a20288-00ab-7558-8211-3edc58873eea', 6, 6, 0, 0, 42, 12, 24, 9000000, 1795338802094),
    ('01a20288-00ae-730b-908a-5a524ee356f4', 1, 0, 1, 0, 0, 0, 0, 0, 1795338798297),
    ('01a20288-00b7-7a99-9749-1240c3ee7ef4', 1, 1, 0, 0, 7, 2, 4, 0, 1795338802182);

INSERT INTO global_stats (provider_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos) VALUES
    ('ollama', 70, 68, 2, 0, 476, 136, 272, 0),
    ('openrouter', 7, 7, 0, 0, 49, 14, 28, 10500000);

INSERT INTO model_stats (provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos) VALUES
    ('ollama', 'big-model', 8, 8, 0, 0, 56, 16, 32, 0),
    ('ollama', 'test-model', 60, 60, 0, 0, 420, 120, 240, 0),
    ('ollama', 'unknown', 2, 0, 2, 0, 0, 0, 0, 0),
    ('openrouter', 'test-model', 7, 7, 0, 0, 49, 14, 28, 10500000);

INSERT INTO hourly_stats (hour_at, provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos, latency, first_token) VALUES
    (1795338000000, 'ollama', 'big-model', 8, 8, 0, 0, 56, 16, 32, 0, X'0000000000000000000000000000000000000000000000000100000000000000000000000000000005000000000000000200000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', X'0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'),
    (1795338000000, 'ollama', 'test-model', 60, 60, 0, 0, 420, 120, 240, 0, X'000000000000000002000000000000000100000000000000000000000000000001000000000000002c000000000000000b00000000000000010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', X'0000000000000000010000000000000000000000000000000000000000000000010000000000000006000000000000000200000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'),
    (1795338000000, 'ollama', 'unknown', 2, 0, 2, 0, 0, 0, 0, 0, X'0100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', X'0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'),
    (1795338000000, 'openrouter', 'test-model', 7, 7, 0, 0, 49, 14, 28, 10500000, X'0000000000000000000000000000000000000000000000000000000000000000000000000000000006000000000000000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', X'0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
