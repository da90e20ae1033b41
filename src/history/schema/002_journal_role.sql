-- The server itself says which role wrote an entry: an approval by a role must not be a claim.
CREATE OR REPLACE FUNCTION drydock.append_to_journal(new_entry jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    last_seq  bigint := 0;
    last_hash text := '';
    entry     jsonb := new_entry || jsonb_build_object('role', session_user);
BEGIN
    -- One writer at a time: the chain has no forks. Readers are not blocked.
    LOCK TABLE drydock.journal IN SHARE ROW EXCLUSIVE MODE;
    SELECT j.seq, j.hash INTO last_seq, last_hash FROM drydock.journal j ORDER BY j.seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0) + 1;
    last_hash := coalesce(last_hash, '');
    INSERT INTO drydock.journal (seq, entry, previous, hash)
    VALUES (last_seq, entry, last_hash, drydock.journal_hash(last_hash, last_seq, entry));
    RETURN last_seq;
END $$;
