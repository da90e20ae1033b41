-- Premium tiers: how much homework a user may keep open. A constant default costs no rewrite
-- (PostgreSQL 11 and newer keep it in the catalog).
BEGIN;

ALTER TABLE users ADD COLUMN IF NOT EXISTS premium_tier VARCHAR(20) DEFAULT 'basic';

COMMIT;
