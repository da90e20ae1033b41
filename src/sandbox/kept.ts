// Servers that a person wants to look into after the command has ended: marked by a file in their
// folder, and left alone by the sweep for a day.

import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const keptMs = 24 * 3_600_000;

/** Marks the folder of a server that is to live on. */
export async function markKept(folder: string): Promise<void> {
  await writeFile(join(folder, 'kept'), '', { flag: 'wx' });
}

/** Whether a folder is marked, and whether its day is over. */
export async function keptState(folder: string): Promise<'kept' | 'over' | 'not kept'> {
  const mark = await stat(join(folder, 'kept')).catch(() => undefined);
  if (mark === undefined) return 'not kept';
  return Date.now() - mark.mtimeMs < keptMs ? 'kept' : 'over';
}
