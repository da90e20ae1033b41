// Sequences never go back: an id that was given out since the backup may be in use elsewhere, in a
// link, in another system, or in a row that is salvaged later.

import type { Database } from '../postgres/connect.ts';
import { isBehind, readSequences } from '../postgres/contents.ts';

/** Moves sequences of a restored database on to where the live one stands; returns those moved. */
export async function advanceSequences(restored: Database, live: Database): Promise<string[]> {
  const [there, here] = await Promise.all([readSequences(live), readSequences(restored)]);
  const due = Object.entries(here).flatMap(([name, position]) => {
    const target = there[name];
    return target !== undefined && isBehind(position, target) ? [{ name, ...target }] : [];
  });
  if (due.length === 0) return [];
  // A sequence that was widened since then may stand where this one cannot follow.
  const moved = await restored.query<{ name: string }>(
    `SELECT due.name, setval(seqrelid::regclass, due.last, due.called)
       FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS due (name, last, called)
       JOIN pg_sequence ON seqrelid = due.name::regclass
      WHERE due.last BETWEEN seqmin AND seqmax`,
    [due.map(({ name }) => name), due.map(({ last }) => last), due.map(({ called }) => called)],
  );
  const names = new Set(moved.map(({ name }) => name));
  return due.flatMap(({ name }) => (names.has(name) ? [name] : []));
}
