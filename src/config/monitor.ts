// How an environment is watched after a change, as a configuration says it: a duration alone, or all of it.

import * as z from 'zod';
import { parseDuration } from '../core/duration.ts';
import { parseSize } from '../core/size.ts';

/** What a configuration may say under `monitor`, where the duration alone is not enough. */
export interface MonitorInput {
  /** How long an environment is watched after its newest migration or deploy. Default: `24h`. */
  for?: string;
  /** How often. Default: `1m`. */
  every?: string;
  /** So many red samples in a row page people and freeze the environment. Default: 2. */
  redInARow?: number;
  /**
   * The way back that the monitoring takes by itself when an incident begins, where it loses no write and nothing
   * speaks against it: `code`, the release before; `undo`, the last change. Default: none.
   */
  onRed?: 'code' | 'undo';
  limits?: MonitorLimitsInput;
}

/** Where a figure of the database begins to be red: see docs/monitor.md. */
export interface MonitorLimitsInput {
  /** Share of `max_connections` in use. Default: `90%`. */
  connections?: string;
  /** Sessions that wait for a lock at the same time. Default: 10. */
  lockWaiters?: number;
  /** How long a transaction may be open. Default: `15m`. */
  longTransaction?: string;
  /** How far a replica may be behind. Default: `2m`. */
  replicationLag?: string;
  /** Write-ahead log that a replica has yet to replay. Default: `1GB`. */
  replicationBacklog?: string;
  /** Write-ahead log that one replication slot may hold back. Default: `10GB`. */
  slotSize?: string;
  /** Invalid indexes that may have come since the baseline. Default: 0. */
  invalidIndexes?: number;
  /** Share of the numbers of a sequence or integer key that are used up. Default: `80%`. */
  keysUsed?: string;
  /** Share of dead rows in a table with at least 100,000 of them. Default: `80%`. */
  deadRows?: string;
  /** Share of the transaction numbers until wraparound. Default: `50%`. */
  wraparound?: string;
  /** So many times its mean time before makes a statement red. Default: 3. */
  slowdown?: number;
  /** Share of the last 30 looks at the health address that failed. Default: `10%`. */
  errors?: string;
}

/** Where a figure begins to be red. Shares are numbers from 0 to 1. */
export interface MonitorLimits {
  readonly connections: number;
  readonly lockWaiters: number;
  readonly longTransactionMs: number;
  readonly replicationLagMs: number;
  readonly replicationBytes: number;
  readonly slotBytes: number;
  readonly invalidIndexes: number;
  readonly keysUsed: number;
  readonly deadRows: number;
  readonly wraparound: number;
  readonly slowdown: number;
  readonly errors: number;
}

/** How an environment is watched. */
export interface MonitorRules {
  readonly forMs: number;
  readonly everyMs: number;
  /** So many red samples in a row are an incident. */
  readonly redInARow: number;
  /** The way back that is taken without a person, where it loses nothing. */
  readonly onRed: 'code' | 'undo' | undefined;
  readonly limits: MonitorLimits;
}

const duration = written(parseDuration, 'is not a duration such as 24h or 30d');
const share = written(parseShare, 'is not a share such as 80%');
const size = written(parseSize, 'is not a size such as 10GB');
const count = z.int('is not a whole number').min(0, 'is less than nothing');

const rules = z.strictObject({
  for: duration.optional(),
  every: duration.refine((ms) => ms > 0, 'is no time at all').optional(),
  redInARow: count.min(1, 'is not a number of samples').optional(),
  onRed: z.enum(['code', 'undo']).optional(),
  limits: z
    .strictObject({
      connections: share.optional(),
      lockWaiters: count.optional(),
      longTransaction: duration.optional(),
      replicationLag: duration.optional(),
      replicationBacklog: size.optional(),
      slotSize: size.optional(),
      invalidIndexes: count.optional(),
      keysUsed: share.optional(),
      deadRows: share.optional(),
      wraparound: share.optional(),
      slowdown: z.number().min(1, 'is less than once').optional(),
      errors: share.optional(),
    })
    .optional(),
});

/** The key `monitor` of an environment. */
export const monitorSchema: z.ZodType<MonitorRules> = z
  .unknown()
  .optional()
  .transform((value, context) => {
    // Not a union: its problems do not say where they are.
    const given = typeof value === 'string' ? { for: value } : (value ?? {});
    const { data, error } = rules.safeParse(given);
    for (const { path, message } of error?.issues ?? []) {
      const place = typeof value === 'string' ? [] : path;
      context.addIssue({ code: 'custom', path: place, message });
    }
    return trusted(data ?? {});
  });

function trusted(checked: z.output<typeof rules>): MonitorRules {
  const { limits = {} } = checked;
  const minuteMs = 60_000;
  return {
    forMs: checked.for ?? 24 * 60 * minuteMs,
    everyMs: checked.every ?? minuteMs,
    redInARow: checked.redInARow ?? 2,
    onRed: checked.onRed,
    limits: {
      connections: limits.connections ?? 0.9,
      lockWaiters: limits.lockWaiters ?? 10,
      longTransactionMs: limits.longTransaction ?? 15 * minuteMs,
      replicationLagMs: limits.replicationLag ?? 2 * minuteMs,
      replicationBytes: limits.replicationBacklog ?? 1024 ** 3,
      slotBytes: limits.slotSize ?? 10 * 1024 ** 3,
      invalidIndexes: limits.invalidIndexes ?? 0,
      keysUsed: limits.keysUsed ?? 0.8,
      deadRows: limits.deadRows ?? 0.8,
      wraparound: limits.wraparound ?? 0.5,
      slowdown: limits.slowdown ?? 3,
      errors: limits.errors ?? 0.1,
    },
  };
}

function parseShare(text: string): number | undefined {
  const match = /^(\d{1,3}(?:\.\d+)?)\s*%$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) / 100;
}

/** A text that a parser makes a number of. */
function written(parse: (text: string) => number | undefined, problem: string): z.ZodType<number> {
  return z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  });
}
