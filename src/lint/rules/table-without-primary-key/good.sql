-- Support writes notes.
CREATE TABLE IF NOT EXISTS notes (id bigint PRIMARY KEY, user_id bigint, note text);
