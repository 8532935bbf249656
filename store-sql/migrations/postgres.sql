-- Sessions in PostgreSQL 12 or later.
--
-- May be run again, and by several at once: whoever comes second waits and finds all done.
-- Numbers that never end are kept as they are in 64 bits, so that -1 is "never"; expires_at
-- alone is null then, for it is compared. It moves with every change, and what is indexed must not:
-- a row whose indexed columns stay is changed within its page, without a new entry in any index.
-- So sweep_from has it in whole minutes, rounded down.

BEGIN;

SELECT pg_advisory_xact_lock(6023741825370129);

CREATE TABLE IF NOT EXISTS session_record (
    store_key         bytea    NOT NULL PRIMARY KEY, -- a digest of the id
    generation        bigint   NOT NULL,             -- older than the one that counts: ended
    expires_at        bigint,                        -- milliseconds since 1970, as all times
    sweep_from        bigint,                        -- the whole minute before it
    revision          bigint   NOT NULL,
    created_at        bigint   NOT NULL,
    accessed_at       bigint   NOT NULL,
    issued_at         bigint   NOT NULL,
    idle_limit        bigint   NOT NULL,             -- milliseconds; 0 is never
    absolute_deadline bigint   NOT NULL,
    authenticated_at  bigint,
    remembered_for    bigint,
    moved_at          bigint,                        -- from here on a forwarding entry
    format            smallint NOT NULL,             -- of this row
    ended             smallint NOT NULL,             -- 1: replaced by a later login, not reported yet
    closed            smallint NOT NULL,             -- 1: a forwarding entry that tells nobody
    handle            bytea    NOT NULL,
    principal_key     bytea,
    principal         bytea,
    label             bytea,
    moved_to          bytea
) WITH (fillfactor = 90);

CREATE INDEX IF NOT EXISTS session_record_expiry
    ON session_record (generation, sweep_from);

CREATE INDEX IF NOT EXISTS session_record_principal
    ON session_record (principal_key) WHERE principal_key IS NOT NULL;

CREATE TABLE IF NOT EXISTS session_attribute (
    store_key bytea    NOT NULL,
    revision  bigint   NOT NULL,
    codec     smallint NOT NULL,
    name      bytea    NOT NULL,
    value     bytea    NOT NULL,
    PRIMARY KEY (store_key, name)
) WITH (fillfactor = 90);

-- Logins that count the sessions of a principal wait for each other here.
CREATE TABLE IF NOT EXISTS session_login (
    lane smallint NOT NULL PRIMARY KEY
);

INSERT INTO session_login (lane)
SELECT lane FROM generate_series(0, 255) AS lane
ON CONFLICT DO NOTHING;

-- Locks what is under some keys, always in the same order, and answers what it is then. Later
-- statements of a function see what was committed while the first one waited; one statement
-- for both would not.
CREATE OR REPLACE FUNCTION session_lock_v1(p_keys bytea[])
RETURNS TABLE (
    o_format smallint, o_generation bigint, o_ended smallint, o_moved_to bytea, o_moved_at bigint,
    o_closed smallint, o_handle bytea, o_revision bigint, o_created_at bigint,
    o_accessed_at bigint, o_issued_at bigint, o_idle_limit bigint, o_absolute_deadline bigint,
    o_principal_key bytea, o_principal bytea, o_authenticated_at bigint, o_label bytea,
    o_remembered_for bigint, o_store_key bytea, o_current bigint,
    o_name bytea, o_attribute_revision bigint, o_codec smallint, o_value bytea
)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM session_record r WHERE r.store_key = ANY (p_keys)
    ORDER BY r.store_key FOR UPDATE;
    RETURN QUERY
    SELECT r.format, r.generation, r.ended, r.moved_to, r.moved_at, r.closed, r.handle,
           r.revision, r.created_at, r.accessed_at, r.issued_at, r.idle_limit,
           r.absolute_deadline, r.principal_key, r.principal, r.authenticated_at, r.label,
           r.remembered_for, r.store_key, g.generation, a.name, a.revision, a.codec, a.value
    FROM session_record r
    CROSS JOIN session_generation g
    LEFT JOIN session_attribute a ON a.store_key = r.store_key
    WHERE r.store_key = ANY (p_keys)
    ORDER BY r.store_key, a.name;
END
$$;

-- Applies a change set without a login to one session: what Record::apply does, in one round
-- trip. The row is locked first, and everything is compared afterwards.
--
-- o_outcome is 0 applied, 1 gone, 2 moved, 3 conflict, 4 not a list, 5 too large,
-- 6 unreadable, 7 of a newer format, 8 a row of the session as it was before.
CREATE OR REPLACE FUNCTION session_apply_v1(
    p_key bytea, p_now bigint, p_accessed_at bigint, p_clear boolean, p_idle_limit bigint,
    p_issued_at bigint, p_max_bytes bigint, p_max_attributes bigint, p_reply smallint,
    p_names bytea[], p_conditions smallint[], p_revisions bigint[],
    p_edits smallint[],  -- 0 put, 1 remove, 2 append
    p_codecs smallint[], p_counts bigint[], p_values bytea[]
)
RETURNS TABLE (
    o_format smallint, o_generation bigint, o_ended smallint, o_moved_to bytea, o_moved_at bigint,
    o_closed smallint, o_handle bytea, o_revision bigint, o_created_at bigint,
    o_accessed_at bigint, o_issued_at bigint, o_idle_limit bigint, o_absolute_deadline bigint,
    o_principal_key bytea, o_principal bytea, o_authenticated_at bigint, o_label bytea,
    o_remembered_for bigint, o_store_key bytea, o_current bigint,
    o_name bytea, o_attribute_revision bigint, o_codec smallint, o_value bytea,
    o_outcome smallint
)
LANGUAGE plpgsql AS $$
DECLARE
    never          CONSTANT bigint := 9223372036854775807;
    skew_max       CONSTANT bigint := 300000;
    header_len     CONSTANT int := 5;
    r              session_record%ROWTYPE;
    current_one    bigint;
    changes        int := cardinality(p_names);
    damaged        bigint;
    attributes_len bigint;
    old_size       bigint;
    old_count      bigint;
    new_size       bigint;
    new_count      bigint;
    present        boolean;
    old_len        bigint;
    old_revision   bigint;
    head           bytea;
    items_before   bigint;
    items_from     int;
    idle_deadline  bigint;
BEGIN
    SELECT * INTO r FROM session_record WHERE store_key = p_key FOR UPDATE;
    IF NOT FOUND THEN
        o_outcome := 1; RETURN NEXT; RETURN;
    END IF;
    SELECT g.generation INTO current_one FROM session_generation g;
    IF r.format > 1 THEN
        o_outcome := 7; o_format := r.format; RETURN NEXT; RETURN;
    END IF;
    IF r.generation < current_one OR r.ended <> 0 OR r.expires_at <= p_now OR r.closed <> 0 THEN
        o_outcome := 1; RETURN NEXT; RETURN;
    END IF;
    IF r.moved_to IS NOT NULL THEN
        o_outcome := 2; o_moved_to := r.moved_to; RETURN NEXT; RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE a.codec <> 1), count(*),
           coalesce(sum(octet_length(a.name) + octet_length(a.value)), 0)
    INTO damaged, old_count, attributes_len
    FROM session_attribute a WHERE a.store_key = p_key;
    IF r.format <> 1 OR damaged > 0 OR octet_length(r.handle) <> 16
        OR (r.principal_key IS NULL) <> (r.principal IS NULL)
    THEN
        o_outcome := 6; RETURN NEXT; RETURN;
    END IF;

    IF changes > 0 THEN
        old_size := coalesce(octet_length(r.principal), 0) + coalesce(octet_length(r.label), 0)
            + attributes_len;
        new_size := old_size;
        new_count := old_count;
        IF p_clear THEN
            new_size := new_size - attributes_len;
            new_count := 0;
        END IF;
        FOR i IN 1 .. changes LOOP
            present := false;
            old_len := 0;
            IF NOT p_clear AND old_count > 0 THEN
                SELECT a.revision, octet_length(a.name) + octet_length(a.value),
                       CASE WHEN p_edits[i] = 2 THEN substring(a.value FROM 1 FOR header_len) END
                INTO old_revision, old_len, head
                FROM session_attribute a WHERE a.store_key = p_key AND a.name = p_names[i];
                present := FOUND;
                old_len := coalesce(old_len, 0);
            END IF;
            IF p_conditions[i] = 1 AND present
                OR p_conditions[i] = 2 AND NOT (present AND old_revision = p_revisions[i])
            THEN
                RETURN QUERY SELECT c.*, 3::smallint FROM session_lock_v1(ARRAY[p_key]) c;
                RETURN;
            END IF;
            IF p_edits[i] = 2 AND present AND NOT (CASE
                WHEN octet_length(head) = 0 THEN false
                WHEN get_byte(head, 0) BETWEEN 144 AND 159 THEN true
                WHEN get_byte(head, 0) = 220 THEN octet_length(head) >= 3
                WHEN get_byte(head, 0) = 221 THEN octet_length(head) >= 5
                ELSE false END)
            THEN
                o_outcome := 4; o_name := p_names[i]; RETURN NEXT; RETURN;
            END IF;
            new_size := greatest(new_size - old_len, 0) + CASE p_edits[i]
                WHEN 0 THEN octet_length(p_names[i]) + octet_length(p_values[i])
                WHEN 1 THEN 0
                ELSE octet_length(p_values[i]) + CASE WHEN present
                    THEN old_len + header_len - 1
                    ELSE octet_length(p_names[i]) + header_len END
                END;
            new_count := new_count - present::int + (p_edits[i] <> 1)::int;
        END LOOP;
        IF new_size > p_max_bytes AND new_size > old_size
            OR new_count > p_max_attributes AND new_count > old_count
        THEN
            o_outcome := 5; RETURN NEXT; RETURN;
        END IF;
    END IF;

    IF p_reply = 2 THEN
        RETURN QUERY SELECT c.*, 8::smallint FROM session_lock_v1(ARRAY[p_key]) c;
    END IF;
    IF (p_clear OR changes > 0 OR p_idle_limit IS NOT NULL) AND r.revision <> -1 THEN
        r.revision := r.revision + 1;
    END IF;
    IF p_clear THEN
        DELETE FROM session_attribute a WHERE a.store_key = p_key;
    END IF;
    FOR i IN 1 .. changes LOOP
        IF p_edits[i] = 1 THEN
            DELETE FROM session_attribute a WHERE a.store_key = p_key AND a.name = p_names[i];
            CONTINUE;
        END IF;
        IF p_edits[i] = 2 THEN
            SELECT substring(a.value FROM 1 FOR header_len) INTO head
            FROM session_attribute a WHERE a.store_key = p_key AND a.name = p_names[i];
            IF FOUND THEN
                CASE get_byte(head, 0)
                    WHEN 221 THEN
                        items_from := 6;
                        items_before := (get_byte(head, 1)::bigint << 24) + (get_byte(head, 2) << 16)
                            + (get_byte(head, 3) << 8) + get_byte(head, 4);
                    WHEN 220 THEN
                        items_from := 4;
                        items_before := (get_byte(head, 1) << 8) + get_byte(head, 2);
                    ELSE
                        items_from := 2;
                        items_before := get_byte(head, 0) - 144;
                END CASE;
                UPDATE session_attribute a SET
                    revision = r.revision,
                    value = '\xdd'::bytea
                        || decode(lpad(to_hex(items_before + p_counts[i]), 8, '0'), 'hex')
                        || substring(a.value FROM items_from) || p_values[i]
                WHERE a.store_key = p_key AND a.name = p_names[i]
                    AND items_before + p_counts[i] < 4294967296;
                CONTINUE;
            END IF;
            p_values[i] := '\xdd'::bytea || decode(lpad(to_hex(p_counts[i]), 8, '0'), 'hex')
                || p_values[i];
        END IF;
        INSERT INTO session_attribute AS a (store_key, name, revision, codec, value)
        VALUES (p_key, p_names[i], r.revision, p_codecs[i], p_values[i])
        ON CONFLICT (store_key, name) DO UPDATE
        SET revision = excluded.revision, codec = excluded.codec, value = excluded.value;
    END LOOP;

    r.idle_limit := coalesce(p_idle_limit, r.idle_limit);
    -- Negative numbers are those beyond 63 bits: the larger ones.
    IF (r.issued_at < 0) = (p_issued_at < 0) THEN
        r.issued_at := greatest(r.issued_at, p_issued_at);
    ELSE
        r.issued_at := least(r.issued_at, p_issued_at);
    END IF;
    IF r.accessed_at < 0 OR r.accessed_at - p_now > skew_max THEN
        r.accessed_at := p_now;
    END IF;
    IF p_accessed_at < 0 OR p_accessed_at - p_now > skew_max THEN
        p_accessed_at := p_now;
    END IF;
    r.accessed_at := greatest(r.accessed_at, p_accessed_at);
    IF r.idle_limit > 0 AND r.idle_limit < never - r.accessed_at THEN
        idle_deadline := r.accessed_at + r.idle_limit;
    END IF;
    r.expires_at := least(idle_deadline,
        CASE WHEN r.absolute_deadline >= 0 THEN r.absolute_deadline END);
    UPDATE session_record SET
        revision = r.revision, idle_limit = r.idle_limit, issued_at = r.issued_at,
        accessed_at = r.accessed_at, expires_at = r.expires_at,
        sweep_from = r.expires_at - r.expires_at % 60000
    WHERE store_key = p_key;

    IF p_reply = 0 THEN
        o_outcome := 0; o_revision := r.revision; RETURN NEXT; RETURN;
    END IF;
    RETURN QUERY SELECT c.*, 0::smallint FROM session_lock_v1(ARRAY[p_key]) c;
END
$$;

-- One row. It comes last: where it is found, everything else is there.
CREATE TABLE IF NOT EXISTS session_generation (
    only_one   smallint NOT NULL PRIMARY KEY CHECK (only_one = 1),
    version    smallint NOT NULL, -- of these tables
    generation bigint   NOT NULL
);

INSERT INTO session_generation (only_one, version, generation) VALUES (1, 1, 0)
ON CONFLICT DO NOTHING;

COMMIT;
