import { type Call, Problem, type Reply, text } from '../http.ts';
import type { Feature } from './feature.ts';

/** Teacher mode: a user becomes a teacher of a school. */
export const teachers: Feature = {
  requires: '008',
  routes: { 'PUT /api/teachers/:id': putTeacher, 'GET /api/teachers/:id': getTeacher },
};

async function putTeacher({ database, params, body }: Call): Promise<Reply> {
  const [teacher] = await database.query(
    `WITH teacher AS (
       UPDATE users SET is_teacher = true WHERE user_id = $1 RETURNING user_id
     ), changed AS (
       UPDATE teacher_profiles SET school_name = $2 WHERE user_id = $1
       RETURNING user_id, school_name
     ), added AS (
       INSERT INTO teacher_profiles (user_id, school_name)
       SELECT user_id, $2 FROM teacher WHERE NOT EXISTS (SELECT FROM changed)
       RETURNING user_id, school_name
     )
     SELECT * FROM changed UNION ALL SELECT * FROM added`,
    [params.id, text(body, 'school_name')],
  );
  if (teacher === undefined) throw new Problem(404, 'there is no such user');
  return { status: 200, body: teacher };
}

async function getTeacher({ database, params }: Call): Promise<Reply> {
  const [teacher] = await database.query(
    `SELECT user_id, name, school_name
     FROM users JOIN teacher_profiles USING (user_id) WHERE user_id = $1 AND is_teacher`,
    [params.id],
  );
  if (teacher === undefined) throw new Problem(404, 'there is no such teacher');
  return { status: 200, body: teacher };
}
