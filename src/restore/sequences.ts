// Sequences never go back: an id that was given out since the backup may be in use elsewhere, in a
// link, in another system, or in a row that is salvaged later.

import type { Database } from '../postgres/connect.ts';
import { isBehind, readSequences } from '../postgres/contents.ts';

/** Moves sequences of a restored database on to where the live one stands; returns those moved. */
export async function advanceSequences(restored: Database, live: Database): Promise<string[]> {
  const there = await readSequences(live);
  const moved: string[] = [];
  for (const [name, position] of Object.entries(await readSequences(restored))) {
    const target = there[name];
    if (target === undefined || !isBehind(position, target)) continue;
    // A sequence that was widened since then may stand where this one cannot follow.
    const rows = await restored.query(
      `SELECT setval(seqrelid::regclass, $2, $3) FROM pg_sequence
        WHERE seqrelid = $1::regclass AND $2::bigint BETWEEN seqmin AND seqmax`,
      [name, target.last, target.called],
    );
    if (rows.length > 0) moved.push(name);
  }
  return moved;
}
