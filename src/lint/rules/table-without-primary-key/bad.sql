-- Support writes notes.
CREATE TABLE IF NOT EXISTS notes (user_id bigint, note text);
