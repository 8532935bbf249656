-- Sessions in MariaDB 10.6 or later, or MySQL 8.0 or later.
--
-- May be run again, and by several at once. All names and values are bytes: a collation would
-- take `a`, `A` and `a ` for one name. Numbers that never end are kept as they are in 64 bits,
-- so that -1 is "never"; expires_at alone is null then, for it is compared. It moves with every change,
-- and indexes are to stay as they are: sweep_from has it in whole minutes, rounded down.

CREATE TABLE IF NOT EXISTS session_record (
    store_key         BINARY(32) NOT NULL, -- a digest of the id
    generation        BIGINT     NOT NULL, -- older than the one that counts: ended
    expires_at        BIGINT,              -- milliseconds since 1970, as all times
    sweep_from        BIGINT,              -- the whole minute before it
    revision          BIGINT     NOT NULL,
    created_at        BIGINT     NOT NULL,
    accessed_at       BIGINT     NOT NULL,
    issued_at         BIGINT     NOT NULL,
    idle_limit        BIGINT     NOT NULL, -- milliseconds; 0 is never
    absolute_deadline BIGINT     NOT NULL,
    authenticated_at  BIGINT,
    remembered_for    BIGINT,
    moved_at          BIGINT,              -- from here on a forwarding entry
    format            SMALLINT   NOT NULL, -- of this row
    ended             SMALLINT   NOT NULL, -- 1: replaced by a later login, not reported yet
    closed            SMALLINT   NOT NULL, -- 1: a forwarding entry that tells nobody
    handle            BINARY(16) NOT NULL,
    principal_key     BINARY(32),
    principal         VARBINARY(255),
    label             VARBINARY(255),
    moved_to          BINARY(32),
    PRIMARY KEY (store_key),
    KEY session_record_expiry (generation, sweep_from),
    KEY session_record_principal (principal_key)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET binary;

CREATE TABLE IF NOT EXISTS session_attribute (
    store_key BINARY(32)     NOT NULL,
    name      VARBINARY(255) NOT NULL,
    revision  BIGINT         NOT NULL,
    codec     SMALLINT       NOT NULL,
    value     LONGBLOB       NOT NULL,
    PRIMARY KEY (store_key, name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET binary;

-- Logins that count the sessions of a principal wait for each other here.
CREATE TABLE IF NOT EXISTS session_login (
    lane SMALLINT NOT NULL,
    PRIMARY KEY (lane)
) ENGINE = InnoDB;

INSERT IGNORE INTO session_login (lane)
WITH RECURSIVE lanes (lane) AS (SELECT 0 UNION ALL SELECT lane + 1 FROM lanes WHERE lane < 255)
SELECT lane FROM lanes;

-- One row. It comes last: where it is found, everything else is there.
CREATE TABLE IF NOT EXISTS session_generation (
    only_one   SMALLINT NOT NULL,
    version    SMALLINT NOT NULL, -- of these tables
    generation BIGINT   NOT NULL,
    PRIMARY KEY (only_one)
) ENGINE = InnoDB;

INSERT IGNORE INTO session_generation (only_one, version, generation) VALUES (1, 1, 0);
