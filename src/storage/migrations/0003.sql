-- Who is signed in to the console, and failures by what they came of.

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    actor TEXT NOT NULL CHECK (actor IN ('admin')),
    credential_digest BLOB NOT NULL CHECK (length(credential_digest) = 32),
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    client_address TEXT,
    user_agent TEXT
) STRICT;

CREATE UNIQUE INDEX sessions_by_secret ON sessions (secret_hash);

ALTER TABLE hourly_stats ADD COLUMN failure_limit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hourly_stats ADD COLUMN failure_upstream INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hourly_stats ADD COLUMN failure_client INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hourly_stats ADD COLUMN failure_cut INTEGER NOT NULL DEFAULT 0;
