-- Orders have fresh statistics.
ANALYZE orders;
