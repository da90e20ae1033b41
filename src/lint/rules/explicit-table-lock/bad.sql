-- Nobody writes users meanwhile.
BEGIN;
LOCK TABLE users IN ACCESS EXCLUSIVE MODE;
ALTER TABLE users ADD COLUMN note text;
COMMIT;
