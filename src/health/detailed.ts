// The detailed health of an application, for the application itself to serve: `pg-drydock/health`.
// It runs inside somebody's backend, so it loads nothing heavy, throws nothing, never hangs, and
// tells the outside neither error texts nor stack traces, only codes.

import { ask } from './ask.ts';
import { judgeLedger, type LedgerVerdict, type QueryablePool, readLedger } from './ledger-check.ts';
import {
  type EventLoopFigures,
  eventLoopFigures,
  type MemoryFigures,
  memoryFigures,
} from './process-figures.ts';

export type { QueryablePool } from './ledger-check.ts';

/** A question of the application: a returned sentence is a problem (and public), nothing is health. */
export type HealthProbe = () => Promise<string | undefined>;

/** What {@link detailedHealth} is told. */
export interface HealthOptions {
  readonly pool: QueryablePool;
  /** The migration that this code needs: `008`. With it, a database without a ledger is unhealthy. */
  readonly requires?: string | undefined;
  /** The version of the code. Default: the variable `DRYDOCK_RELEASE`. */
  readonly release?: string | undefined;
  /** How long each check may take. Default: 2 seconds. */
  readonly timeoutMs?: number;
  /** Further checks, by name: what the application cannot do without. */
  readonly probes?: Readonly<Record<string, HealthProbe>>;
}

/** One question and its answer. */
export interface HealthCheck {
  readonly ok: boolean;
  readonly ms: number;
  readonly message?: string;
}

/** The answer of the health address. Checks decide; figures inform. */
export interface HealthReport {
  readonly status: 'healthy' | 'unhealthy';
  readonly statusCode: 200 | 503;
  readonly release: string | null;
  readonly at: string;
  readonly uptimeSeconds: number;
  readonly checks: Readonly<Record<string, HealthCheck>> & {
    /** `ms` includes the wait for a free connection, as every request has it. */
    readonly database: HealthCheck;
    readonly ledger: HealthCheck & LedgerVerdict;
  };
  readonly figures: {
    /** Connections of the pool, and requests that wait for one; null where the pool does not say. */
    readonly pool: Readonly<Record<'total' | 'idle' | 'waiting', number | null>>;
    readonly memory: MemoryFigures;
    readonly eventLoop: EventLoopFigures;
  };
}

/**
 * Looks at everything once, and answers within the time-out whatever the database does. The user
 * of the pool needs `GRANT USAGE ON SCHEMA drydock` and `GRANT SELECT ON drydock.ledger`.
 *
 * @example
 * app.get('/api/health/detailed', async (context) => {
 *   const report = await detailedHealth({ pool, requires: '008' });
 *   return context.json(report, report.statusCode); // Hono; in Fastify: reply.code(…).send(report)
 * });
 */
export async function detailedHealth(options: HealthOptions): Promise<HealthReport> {
  const checks = await checkEverything(options);
  const isHealthy = Object.values(checks).every((check) => check.ok);
  const { totalCount, idleCount, waitingCount } = options.pool;
  return {
    status: isHealthy ? 'healthy' : 'unhealthy',
    statusCode: isHealthy ? 200 : 503,
    release: options.release ?? process.env.DRYDOCK_RELEASE ?? null,
    at: new Date().toISOString(),
    uptimeSeconds: Math.round(process.uptime()),
    checks,
    figures: {
      pool: { total: totalCount ?? null, idle: idleCount ?? null, waiting: waitingCount ?? null },
      memory: memoryFigures(),
      eventLoop: eventLoopFigures(),
    },
  };
}

/** What is needed of a response of Node's `http` (and so of Express). */
export interface ResponseLike {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/**
 * The health address as a handler for Node's `http` and for Express.
 *
 * @example
 * app.get('/api/health/detailed', healthHandler({ pool, requires: '008' }));
 */
export function healthHandler(
  options: HealthOptions,
): (request: unknown, response: ResponseLike) => Promise<void> {
  return async (_request, response) => {
    const report = await detailedHealth(options);
    response.statusCode = report.statusCode;
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.setHeader('cache-control', 'no-store');
    response.end(`${JSON.stringify(report, null, 2)}\n`);
  };
}

async function checkEverything(options: HealthOptions): Promise<HealthReport['checks']> {
  const { pool, requires, probes = {}, timeoutMs = 2_000 } = options;
  const [database, ...answers] = await Promise.all([
    ask(pool, timeoutMs, async () => {
      await pool.query('SELECT 1');
      return readLedger(pool);
    }),
    ...Object.entries(probes).map(async ([name, probe]) => {
      const { ms, problem, value } = await ask(probe, timeoutMs, probe);
      return [name, checkOf(ms, problem ?? value)] as const;
    }),
  ]);
  return {
    ...Object.fromEntries(answers),
    database: checkOf(database.ms, database.problem),
    ledger: { ms: database.ms, ...judgeLedger(database.value ?? notRead, requires) },
  };
}

const notRead = { problem: 'not read' };

function checkOf(ms: number, message: string | undefined): HealthCheck {
  return message === undefined ? { ok: true, ms } : { ok: false, ms, message };
}
