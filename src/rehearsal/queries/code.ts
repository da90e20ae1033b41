// Views and functions: does what is kept in the database still compile? Asked before and after the
// plan; what the plan broke is what compiled before.

import { messageOf } from '../../core/failure.ts';
import type { Database } from '../../postgres/connect.ts';
import { bodySql } from './plpgsql.ts';
import type { DatabaseCode } from './report.ts';

/** What the server says of a view, of a function, or of one statement in a function's body. */
export interface CodeAnswer {
  readonly object: string;
  /** The statement; empty when it is about the whole object. */
  readonly part: string;
  /** The server's words; null when it compiles. */
  readonly refused: string | null;
  /** Nobody can tell, whatever the plan does: the reason. */
  readonly unknown: string | null;
}

/** Asks about all code of the schema that is no extension's. */
export async function askAboutCode(database: Database): Promise<readonly CodeAnswer[]> {
  return [...(await viewAnswers(database)), ...(await routineAnswers(database))];
}

const own = (classId: string, id: string): string =>
  `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'drydock')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = '${classId}'::regclass AND d.objid = ${id} AND d.deptype = 'e')`;

async function viewAnswers(database: Database): Promise<CodeAnswer[]> {
  const views = await database.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('v', 'm') AND ${own('pg_class', 'c.oid')} ORDER BY 1`,
  );
  const answers: CodeAnswer[] = [];
  for (const { name } of views) {
    answers.push(await answerOf(`view ${name}`, '', () => database.describe(`TABLE ${name}`)));
  }
  return answers;
}

interface Routine {
  readonly oid: string;
  readonly object: string;
  readonly language: string;
  readonly definition: string;
  /** The table of its triggers, if there is one. */
  readonly table: string | null;
  readonly searchPath: string | null;
}

async function routineAnswers(database: Database): Promise<CodeAnswer[]> {
  const routines = await database.query<Routine>(
    `SELECT p.oid, l.lanname AS language, pg_get_functiondef(p.oid) AS definition,
            CASE p.prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END
              || format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS object,
            (SELECT min(t.tgrelid::regclass::text) FROM pg_trigger t WHERE t.tgfoid = p.oid) AS "table",
            (SELECT substr(setting, length('search_path=') + 1) FROM unnest(p.proconfig) setting
              WHERE setting LIKE 'search\\_path=%') AS "searchPath"
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
      WHERE p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql') AND ${own('pg_proc', 'p.oid')}
      ORDER BY 4`,
  );
  const answers: CodeAnswer[] = [];
  for (const routine of routines) {
    await database.execute('RESET search_path');
    if (routine.searchPath !== null) {
      await database.query(`SELECT set_config('search_path', $1, false)`, [routine.searchPath]);
    }
    answers.push(
      ...(routine.language === 'sql'
        ? [await sqlAnswer(database, routine)]
        : await plpgsqlAnswers(database, routine)),
    );
  }
  await database.execute('RESET search_path');
  return answers;
}

// What CREATE FUNCTION asks itself while check_function_bodies is on (manual, 20.11.1).
function sqlAnswer(database: Database, { oid, object }: Routine): Promise<CodeAnswer> {
  return answerOf(object, '', () =>
    database.query('SELECT pg_catalog.fmgr_sql_validator($1::oid)', [oid]),
  );
}

async function plpgsqlAnswers(database: Database, routine: Routine): Promise<CodeAnswer[]> {
  const { object, definition, table } = routine;
  const cannotTell = (reason: string): CodeAnswer => ({
    object,
    part: '',
    refused: null,
    unknown: reason,
  });
  let body: Awaited<ReturnType<typeof bodySql>>;
  try {
    body = await bodySql(definition, table);
  } catch (error) {
    return [cannotTell(`its body could not be read: ${messageOf(error)}`)];
  }
  const answers: CodeAnswer[] = [];
  for (const part of body.statements) {
    answers.push(await answerOf(object, part, () => database.describe(part)));
  }
  return body.dynamic ? [...answers, cannotTell('it builds SQL at run time')] : answers;
}

async function answerOf(
  object: string,
  part: string,
  ask: () => Promise<unknown>,
): Promise<CodeAnswer> {
  const refused = await ask().then(() => null, messageOf);
  return { object, part, refused, unknown: null };
}

/** What the plan broke, what nobody can tell, and how much is well. */
export function compareCode(
  before: readonly CodeAnswer[],
  after: readonly CodeAnswer[],
): DatabaseCode {
  const earlier = new Map(before.map((answer) => [keyOf(answer), answer]));
  const known = new Set(before.map(({ object }) => object));
  const broken: { object: string; reason: string }[] = [];
  const notChecked: { object: string; reason: string }[] = [];
  for (const answer of after) {
    const { object, part, refused, unknown } = answer;
    if (unknown !== null) notChecked.push({ object, reason: unknown });
    if (refused === null) continue;
    const was = earlier.get(keyOf(answer));
    if (was?.refused === null || (part === '' && !known.has(object))) {
      broken.push({ object, reason: refused });
    } else {
      notChecked.push({ object, reason: `not understood before the plan either: ${refused}` });
    }
  }
  const doubtful = new Set([...broken, ...notChecked].map(({ object }) => object));
  const objects = new Set(after.map(({ object }) => object));
  const checked = [...objects].filter((object) => !doubtful.has(object)).length;
  return { checked, broken, notChecked };
}

function keyOf({ object, part }: CodeAnswer): string {
  return `${object}\n${part}`;
}
