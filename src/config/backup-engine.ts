// Which other program takes backups of an environment's whole server, as a configuration says it.

import * as z from 'zod';
import type { BackupEngine } from './environment.ts';

const command = z.string().min(1);

/** Checks that part of a configuration. */
export const engineSchema: z.ZodType<BackupEngine> = z
  .strictObject({
    pgbackrest: z
      .strictObject({
        stanza: z.string().regex(/^[\w][\w.-]*$/, 'is not a name of letters, digits and dashes'),
        config: z.string().min(1).optional(),
        type: z.enum(['full', 'diff', 'incr']).optional(),
      })
      .optional(),
    command: z
      .strictObject({ backup: command, list: command, copy: command, drop: command })
      .optional(),
  })
  .refine(
    (said) => (said.pgbackrest === undefined) !== (said.command === undefined),
    'names either pgbackrest or command',
  );
