-- The tiers plus and premium become one: premium. From now on every user has a tier, so the code
-- that treated a missing one as basic can go.
BEGIN;

UPDATE users
SET premium_tier = CASE premium_tier
    WHEN 'plus' THEN 'premium'
    WHEN 'premium' THEN 'premium'
    WHEN 'basic' THEN 'basic'
END
WHERE premium_tier IS DISTINCT FROM 'basic';

COMMIT;
