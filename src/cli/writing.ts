// What a file system refuses while a command writes the user's own files is no bug of Drydock.

import { Failure } from '../core/failure.ts';

/** Runs what writes files. @throws `usage/cannot-write` with the path that the system named */
export function writing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined || path === undefined) throw error;
    throw new Failure({
      code: 'usage/cannot-write',
      message: `cannot write ${path}: ${code}`,
      hint: `Look at it and at its rights (ls -ld ${path}), then type the same command again.`,
      cause: error,
    });
  }
}
