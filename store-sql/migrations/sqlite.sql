-- Sessions in SQLite 3.24 or later.
--
-- May be run again, and by several at once. Numbers that never end are kept as they are in 64
-- bits, so that -1 is "never"; expires_at alone is null then, for it is compared. It moves with every
-- change, and indexes are to stay as they are: sweep_from has it in whole minutes, rounded down.

BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS session_record (
    store_key         BLOB    NOT NULL PRIMARY KEY, -- a digest of the id
    generation        INTEGER NOT NULL,             -- older than the one that counts: ended
    expires_at        INTEGER,                      -- milliseconds since 1970, as all times
    sweep_from        INTEGER,                      -- the whole minute before it
    revision          INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    accessed_at       INTEGER NOT NULL,
    issued_at         INTEGER NOT NULL,
    idle_limit        INTEGER NOT NULL,             -- milliseconds; 0 is never
    absolute_deadline INTEGER NOT NULL,
    authenticated_at  INTEGER,
    remembered_for    INTEGER,
    moved_at          INTEGER,                      -- from here on a forwarding entry
    format            INTEGER NOT NULL,             -- of this row
    ended             INTEGER NOT NULL,             -- 1: replaced by a later login, not reported yet
    closed            INTEGER NOT NULL,             -- 1: a forwarding entry that tells nobody
    handle            BLOB    NOT NULL,
    principal_key     BLOB,
    principal         BLOB,
    label             BLOB,
    moved_to          BLOB
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS session_record_expiry
    ON session_record (generation, sweep_from);

CREATE INDEX IF NOT EXISTS session_record_principal
    ON session_record (principal_key) WHERE principal_key IS NOT NULL;

-- With row numbers: values may be large, and those of a table without them lie in its tree.
CREATE TABLE IF NOT EXISTS session_attribute (
    store_key BLOB    NOT NULL,
    name      BLOB    NOT NULL,
    revision  INTEGER NOT NULL,
    codec     INTEGER NOT NULL,
    value     BLOB    NOT NULL,
    PRIMARY KEY (store_key, name)
);

-- One row. It comes last: where it is found, everything else is there.
CREATE TABLE IF NOT EXISTS session_generation (
    only_one   INTEGER NOT NULL PRIMARY KEY CHECK (only_one = 1),
    version    INTEGER NOT NULL, -- of these tables
    generation INTEGER NOT NULL
);

INSERT INTO session_generation (only_one, version, generation) VALUES (1, 1, 0)
ON CONFLICT DO NOTHING;

COMMIT;
