-- Users are not touched any more: first what depends on the function, then the function.
DROP TRIGGER IF EXISTS users_touch ON users;
DROP FUNCTION IF EXISTS touch();
