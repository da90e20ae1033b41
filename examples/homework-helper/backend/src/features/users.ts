import { type Call, Problem, type Reply, text } from '../http.ts';
import type { Feature } from './feature.ts';

export const users: Feature = {
  requires: '007',
  routes: { 'PUT /api/users/:id': putUser, 'GET /api/users/:id': getUser },
};

async function putUser({ database, params, body }: Call): Promise<Reply> {
  const [user] = await database.query(
    `INSERT INTO users (user_id, email, name) VALUES ($1, $2, $3)
     ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, name = excluded.name
     RETURNING user_id, email, name, premium_tier, created_at`,
    [params.id, text(body, 'email').toLowerCase(), text(body, 'name')],
  );
  return { status: 200, body: user };
}

async function getUser({ database, params }: Call): Promise<Reply> {
  const [user] = await database.query(
    `SELECT user_id, email, name, premium_tier, last_seen_at, created_at
     FROM users WHERE user_id = $1`,
    [params.id],
  );
  if (user === undefined) throw new Problem(404, 'there is no such user');
  return { status: 200, body: user };
}
