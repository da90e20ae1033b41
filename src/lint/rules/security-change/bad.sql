-- Users see their own rows only.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
