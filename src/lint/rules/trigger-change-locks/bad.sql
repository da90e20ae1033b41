-- Users are not touched any more.
DROP TRIGGER users_touch ON users;
