// When a rescue is armed and how it learns of writes, as a configuration says it: when alone, or all of it.

import * as z from 'zod';
import { parseSize } from '../core/size.ts';

/** What a configuration may say under `rescue`, where the moment alone is not enough. */
export interface RescueInput {
  /** Arms with each apply, the copy built at once or when it is wanted. Default: `off`. */
  copy?: 'off' | 'warm' | 'cold';
  /** What tells the writes. Default: the stream, where the server has `wal_level = logical`, else triggers. */
  capture?: 'stream' | 'triggers';
  /** Size of the log at which the rescue is given up. Default: that of the database, and at least 1 GB. */
  logLimit?: string;
}

/** How a rescue is armed. */
export interface RescueRules {
  /** Whether an apply arms first, and when the copy is built. */
  readonly copy: 'off' | 'warm' | 'cold';
  /** Undefined: by the stream where the server has one, else by triggers. */
  readonly capture: 'stream' | 'triggers' | undefined;
  /** Undefined: as large as the database, and at least 1 GB. */
  readonly logLimitBytes: number | undefined;
}

const when = z.enum(['off', 'warm', 'cold']);

/** The key `rescue` of an environment. */
export const rescueSchema: z.ZodType<RescueRules> = z
  .union([
    when,
    z.strictObject({
      copy: when.optional(),
      capture: z.enum(['stream', 'triggers']).optional(),
      logLimit: z
        .string()
        .refine((value) => parseSize(value) !== undefined, 'is not a size such as 20GB')
        .optional(),
    }),
  ])
  .default('off')
  .transform((said) => {
    const { copy = 'off', capture, logLimit } = typeof said === 'string' ? { copy: said } : said;
    return { copy, capture, logLimitBytes: parseSize(logLimit ?? '') };
  });
