BEGIN;

ALTER TABLE users ADD COLUMN IF NOT EXISTS is_teacher BOOLEAN DEFAULT false;
CREATE INDEX IF NOT EXISTS idx_users_is_teacher ON users(is_teacher);

CREATE TABLE IF NOT EXISTS teacher_profiles (
    id SERIAL PRIMARY KEY,
    user_id VARCHAR(255) REFERENCES users(user_id),
    school_name VARCHAR(255),
    created_at TIMESTAMP DEFAULT NOW()
);

COMMIT;
