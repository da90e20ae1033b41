// Room for a copy: a disk that fills under it says nothing of the backup that is proven there, nor of the
// migration that is rehearsed.

import { type Filling, whileThereIsRoom } from './disk.ts';
import { formatBytes } from './duration.ts';
import { Failure } from './failure.ts';

/** Whether a server, or a program of it, said that its disk is full. */
export function saysDiskIsFull(said: string): boolean {
  return /No space left on device|wrote only \d+ of \d+ bytes/.test(said);
}

/** The failure of work on a copy whose disk is full: it says nothing of what was tried there. */
export function noRoomForCopy(said: string, folder?: string): Failure {
  const look = folder === undefined ? '' : ` (\`df -h ${folder}\` shows it)`;
  return new Failure({
    code: 'sandbox/no-space',
    message: `the disk on which the copy lies has no room any more: ${said}`,
    hint: `Make room there${look}, set TMPDIR to a folder with more of it, or name a server for copies as sandbox.server; then type the same command again.`,
  });
}

/** Works on a copy, and stops before the disk on which it lies is full. */
export function whileCopyHasRoom<T>(
  filling: Pick<Filling<T>, 'folder' | 'signal' | 'work'>,
): Promise<T> {
  const full = (free: number): Failure =>
    noRoomForCopy(`${formatBytes(free)} were left`, filling.folder());
  return whileThereIsRoom({ ...filling, full });
}
