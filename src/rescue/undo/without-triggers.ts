// Changes rows without the application's triggers: what they did for the migration is noted and put back
// like everything else, and an audit of the way back would be one too many. Foreign keys stay on.

import type { Database } from '../../postgres/connect.ts';
import { capturesForRescue } from '../watch.ts';

/**
 * Runs `work` in the open transaction. Switching a trigger off keeps other writers of the table waiting
 * until the end of the transaction, so nobody else ever writes without it.
 */
export async function withoutTriggers<T>(
  database: Database,
  relation: number,
  work: () => Promise<T>,
): Promise<T> {
  const triggers = await database.query<{ off: string; on: string }>(
    `SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname) AS off,
            format('ALTER TABLE %s ENABLE %s TRIGGER %I', t.tgrelid::regclass,
                   CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' ELSE '' END, t.tgname) AS on
       FROM pg_trigger t
      WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgname NOT LIKE 'drydock\\_undo%'
        AND NOT ${capturesForRescue('t')}
        AND t.tgrelid IN (SELECT $1::int8::oid UNION SELECT relid FROM pg_partition_tree($1::int8::oid::regclass))
      ORDER BY t.tgrelid, t.oid`,
    [relation],
  );
  for (const { off } of triggers) await database.execute(off);
  const result = await work();
  if (triggers.length > 0) await database.execute('SET CONSTRAINTS ALL IMMEDIATE');
  for (const { on } of triggers) await database.execute(on);
  return result;
}
