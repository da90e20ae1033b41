import type { Database } from '../database.ts';
import { type Call, Problem, type Reply, text } from '../http.ts';
import { openHomeworkLimit, problemWithTiers, tiersRequire } from '../tiers.ts';
import type { Feature } from './feature.ts';

export const homework: Feature = {
  requires: tiersRequire,
  routes: {
    'GET /api/users/:id/homework': listHomework,
    'PUT /api/homework/:id': putHomework,
    'PUT /api/homework/:id/submission': submit,
    'PUT /api/homework/:id/grade': grade,
  },
  probes: { 'premium tiers': probeTiers },
};

async function listHomework({ database, params }: Call): Promise<Reply> {
  const list = await database.query(
    `SELECT homework_id, subject, title, status, due_at, grade
     FROM homework LEFT JOIN submissions USING (homework_id)
     WHERE user_id = $1 ORDER BY homework.created_at DESC LIMIT 20`,
    [params.id],
  );
  return { status: 200, body: list };
}

async function putHomework({ database, params, body }: Call): Promise<Reply> {
  const userId = text(body, 'user_id');
  await assertMayOpenMore(database, userId);
  const [row] = await database.query(
    `INSERT INTO homework (homework_id, user_id, subject, title, due_at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (homework_id) DO UPDATE
     SET subject = excluded.subject, title = excluded.title, due_at = excluded.due_at
     RETURNING homework_id, user_id, subject, title, status, due_at`,
    [params.id, userId, text(body, 'subject'), text(body, 'title'), body.due_at ?? null],
  );
  return { status: 200, body: row };
}

async function submit({ database, params, body }: Call): Promise<Reply> {
  const [submission] = await database.query(
    `WITH handed_in AS (
       UPDATE homework SET status = 'submitted'
       WHERE homework_id = $1 AND status <> 'graded' RETURNING homework_id
     )
     INSERT INTO submissions (homework_id, answer) SELECT homework_id, $2 FROM handed_in
     ON CONFLICT (homework_id) DO UPDATE SET answer = excluded.answer, submitted_at = now()
     RETURNING homework_id, submitted_at`,
    [params.id, text(body, 'answer')],
  );
  if (submission === undefined) throw new Problem(404, 'there is no such homework to hand in');
  return { status: 200, body: submission };
}

async function grade({ database, params, body }: Call): Promise<Reply> {
  const given = Number(body.grade);
  if (![1, 2, 3, 4, 5, 6].includes(given)) throw new Problem(400, 'a grade is 1 to 6');
  const [submission] = await database.query(
    `WITH graded AS (
       UPDATE submissions SET grade = $2, graded_at = now()
       WHERE homework_id = $1 RETURNING homework_id, grade
     )
     UPDATE homework SET status = 'graded' FROM graded
     WHERE homework.homework_id = graded.homework_id
     RETURNING homework.homework_id, graded.grade`,
    [params.id, given],
  );
  if (submission === undefined) throw new Problem(404, 'there is no such submission');
  return { status: 200, body: submission };
}

async function assertMayOpenMore(database: Database, userId: string): Promise<void> {
  const [user] = await database.query<{ premium_tier: string | null; open: number }>(
    `SELECT premium_tier,
            (SELECT count(*)::int FROM homework
             WHERE homework.user_id = users.user_id AND status = 'open') AS open
     FROM users WHERE user_id = $1`,
    [userId],
  );
  if (user === undefined) throw new Problem(404, 'there is no such user');
  if (user.open >= openHomeworkLimit(user.premium_tier)) {
    throw new Problem(403, 'hand something in before you take on more');
  }
}

async function probeTiers(database: Database): Promise<string | undefined> {
  return problemWithTiers(
    await database.query<{ premium_tier: string | null; users: number }>(
      'SELECT premium_tier, count(*)::int AS users FROM users GROUP BY premium_tier',
    ),
  );
}
