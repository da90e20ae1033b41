-- Every user gets a public id; old rows are filled in batches.
ALTER TABLE users ADD COLUMN IF NOT EXISTS public_id uuid;
ALTER TABLE users ALTER COLUMN public_id SET DEFAULT gen_random_uuid();
