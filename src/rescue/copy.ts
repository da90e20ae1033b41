// The restored database while it is kept in step: its triggers are off, for what they would do is in the
// stream already; and ready again, as it was in its backup, when it takes the live one's place.

import type { Database } from '../postgres/connect.ts';
import { dropFinders, makeFinders } from './finders.ts';
import type { CatalogImage } from './image.ts';
import { dropReplayTables, makeReplayTables } from './replay-tables.ts';

const modes = new Map([
  ['O', 'ENABLE'],
  ['R', 'ENABLE REPLICA'],
  ['A', 'ENABLE ALWAYS'],
]);

/** Prepares a database that was just restored; may be called again. */
export async function prepareCopy(copy: Database, before: CatalogImage): Promise<void> {
  await copy.execute(`SET client_min_messages = error; ${makeReplayTables}`);
  await copy.transaction(async () => {
    // Written down before they are changed, and once: the second time they are off already.
    await copy.execute(
      `INSERT INTO drydock_replay.triggers
       SELECT t.tgrelid::regclass::text, quote_ident(t.tgname), t.tgenabled
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relkind IN ('r', 'p') AND n.nspname <> 'drydock'
          AND NOT EXISTS (SELECT FROM drydock_replay.triggers)`,
    );
    for (const { table, name } of await readTriggers(copy)) {
      await copy.execute(`ALTER TABLE ONLY ${table} DISABLE TRIGGER ${name}`);
    }
  });
  await makeFinders(copy, before);
}

/** What is seen of a query over all data belongs to the moment of the backup: reads it anew. */
export async function refreshViews(copy: Database): Promise<void> {
  const views = await copy.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
      WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid`,
  );
  for (const { name } of views) await copy.execute(`REFRESH MATERIALIZED VIEW ${name}`);
}

/** Makes it a database like any other, but for what the replay has kept in it. */
export async function finishCopy(copy: Database): Promise<void> {
  await dropFinders(copy);
  const triggers = await readTriggers(copy);
  const statements = triggers.map(({ table, name, enabled }) => {
    const how = modes.get(enabled) ?? 'ENABLE';
    return `ALTER TABLE ONLY ${table} ${how} TRIGGER ${name}`;
  });
  await copy.script(['BEGIN', ...statements, 'COMMIT']);
}

/** Takes away what the replay has kept, when it was read. */
export async function dropReplay(database: Database): Promise<void> {
  await database.execute(`SET client_min_messages = error; ${dropReplayTables}`);
}

async function readTriggers(
  copy: Database,
): Promise<readonly { readonly table: string; readonly name: string; readonly enabled: string }[]> {
  return await copy.query('SELECT "table", name, enabled FROM drydock_replay.triggers');
}
