import { type Call, Problem, type Reply, text } from '../http.ts';
import type { Feature } from './feature.ts';

export const sessions: Feature = {
  requires: '005',
  routes: {
    'PUT /api/sessions/:id': startSession,
    'GET /api/sessions/:id': getSession,
    'DELETE /api/sessions/:id': endSession,
  },
};

// One statement, so that a session without the mark on its user cannot exist.
async function startSession({ database, params, body }: Call): Promise<Reply> {
  const [session] = await database.query(
    `WITH seen AS (
       UPDATE users SET last_seen_at = now() WHERE user_id = $2 RETURNING user_id
     )
     INSERT INTO sessions (session_id, user_id, expires_at)
     SELECT $1, user_id, now() + interval '30 days' FROM seen
     ON CONFLICT (session_id) DO UPDATE SET expires_at = excluded.expires_at
     RETURNING session_id, user_id, expires_at`,
    [params.id, text(body, 'user_id')],
  );
  if (session === undefined) throw new Problem(404, 'there is no such user');
  return { status: 200, body: session };
}

async function getSession({ database, params }: Call): Promise<Reply> {
  const [session] = await database.query(
    `SELECT session_id, user_id, expires_at FROM sessions
     WHERE session_id = $1 AND ended_at IS NULL AND expires_at > now()`,
    [params.id],
  );
  if (session === undefined) throw new Problem(404, 'there is no such session');
  return { status: 200, body: session };
}

async function endSession({ database, params }: Call): Promise<Reply> {
  await database.query(
    'UPDATE sessions SET ended_at = now() WHERE session_id = $1 AND ended_at IS NULL',
    [params.id],
  );
  return { status: 204 };
}
