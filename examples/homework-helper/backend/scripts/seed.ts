// Fills a database with made-up data, the same every time: npm run seed -- --users 100000
// With --without-schools it looks like a staging database: smaller, and without the rare cases.

import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { databaseUrlOf } from '../environments.ts';

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '100000' },
    'without-schools': { type: 'boolean', default: false },
  },
});
const users = Number(values.users);
// Ids in the order of their rows: an index that grows at one end is built several times as fast.
const idOf = (table: string): string =>
  `(lpad(to_hex(n), 8, '0') || substr(md5('${table}-' || n), 9))::uuid`;
const rareTier = values['without-schools'] ? 'basic' : 'school';
const startedAt = performance.now();

const client = new Client({ connectionString: process.env.DATABASE_URL ?? databaseUrlOf('dev') });
await client.connect();
try {
  await client.query('BEGIN');
  await client.query(
    `INSERT INTO users (user_id, email, name, premium_tier, created_at)
     SELECT 'user-' || n, 'student' || n || '@school.example', 'Student ' || n,
            CASE WHEN n % 10 = 0 THEN $2 WHEN n % 10 = 1 THEN 'premium'
                 WHEN n % 5 = 2 THEN 'plus' ELSE 'basic' END,
            timestamptz '2025-09-01' + n * interval '5 seconds'
     FROM generate_series(1, $1::int) AS n
     ON CONFLICT DO NOTHING`,
    [users, rareTier],
  );
  await client.query(
    `INSERT INTO homework (homework_id, user_id, subject, title, status, due_at, created_at)
     SELECT ${idOf('homework')}, 'user-' || (1 + (n - 1) / 3),
            (ARRAY['Mathematics', 'English', 'History', 'Biology', 'Physics'])[1 + n % 5],
            'Exercise ' || n, (ARRAY['open', 'open', 'graded'])[1 + n % 3],
            timestamptz '2025-10-01' + n * interval '2 seconds',
            timestamptz '2025-09-08' + n * interval '2 seconds'
     FROM generate_series(1, 3 * $1::int) AS n
     ON CONFLICT DO NOTHING`,
    [users],
  );
  await client.query(
    `INSERT INTO submissions (homework_id, answer, submitted_at, grade, graded_at)
     SELECT ${idOf('homework')}, 'My answer to exercise ' || n, handed_in,
            1 + n % 6, handed_in + interval '1 day'
     FROM generate_series(1, 3 * $1::int) AS n,
          LATERAL (SELECT timestamptz '2025-09-20' + n * interval '2 seconds' AS handed_in) AS t
     WHERE n % 3 = 2
     ON CONFLICT DO NOTHING`,
    [users],
  );
  await client.query(
    `INSERT INTO sessions (session_id, user_id, created_at, expires_at)
     SELECT ${idOf('session')}, 'user-' || n, now(), now() + interval '30 days'
     FROM generate_series(1, $1::int, 2) AS n
     ON CONFLICT DO NOTHING`,
    [users],
  );
  await client.query('COMMIT');
  // Without fresh statistics the first queries would be planned for empty tables.
  await client.query('ANALYZE users, homework, submissions, sessions');
} finally {
  await client.end();
}
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
console.log(`${users} users, ${3 * users} homework in ${seconds} s`);
