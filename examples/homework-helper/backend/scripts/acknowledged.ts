// Are the writes that the application acknowledged in the database? Reads the file of traffic.ts:
//   DATABASE_URL=… node --import jiti/register scripts/acknowledged.ts writes.txt

import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { databaseUrlOf } from '../environments.ts';

const lines = readFileSync(process.argv[2] ?? 'writes.txt', 'utf8')
  .trim()
  .split('\n');
const writes = lines.filter(Boolean).map((line) => {
  const [at = '', table = '', id = ''] = line.split(' ');
  return { at, table, id };
});

const client = new Client({ connectionString: process.env.DATABASE_URL ?? databaseUrlOf('dev') });
await client.connect();
const found = new Set(
  (
    await client.query<{ id: string }>(
      `SELECT homework_id::text AS id FROM homework WHERE homework_id = ANY ($1)
       UNION ALL SELECT session_id::text FROM sessions WHERE session_id = ANY ($1)`,
      [writes.map(({ id }) => id)],
    )
  ).rows.map(({ id }) => id),
);
await client.end();

const lost = writes.filter(({ id }) => !found.has(id));
console.log(
  JSON.stringify({
    acknowledged: writes.length,
    found: writes.length - lost.length,
    lost: lost.length,
    firstLostAt: lost[0]?.at ?? null,
    lastLostAt: lost.at(-1)?.at ?? null,
  }),
);
