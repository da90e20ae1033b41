// Proves a backup of an engine by a copy that the engine makes of it. The copy is a moment of the
// live server later than the figures, so it is compared with what cannot be less by then.

import { type Context, step } from '../../core/context.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Evidence } from '../../core/evidence.ts';
import { withCleanup } from '../../core/failure.ts';
import { thousands } from '../../core/thousands.ts';
import { quoteLiteral } from '../../postgres/address.ts';
import { type Collations, foreignOrder, readCollations } from '../../postgres/collations.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { type Contents, compareContents, readOutline } from '../../postgres/contents.ts';
import { type RowFigures, readRows } from '../../postgres/rows.ts';
import type { Engine, EngineBackup } from './engine.ts';

/** What a copy is compared with; read just before a backup begins. */
export interface EngineFigures extends Omit<Contents, keyof RowFigures> {
  /** `server_version_num`. */
  readonly serverVersion: number;
  /** Logged tables that had rows, by their qualified names. */
  readonly filled: readonly string[];
  /** Absent in records from before they were read. */
  readonly collations?: Collations | undefined;
}

/** What was found when a copy was made of a backup. */
export interface EngineProof extends Evidence {
  readonly kind: 'engine-proof';
  readonly engine: string;
  readonly backup: string;
  /** How long the engine took to bring a copy up. */
  readonly copyMs: number;
  readonly compared: {
    readonly tables: number;
    readonly rows: number;
    readonly schemaObjects: number;
  };
  /** What was not as it must be, as sentences; empty when the proof holds. */
  readonly differences: readonly string[];
}

/** Reads the figures of a live database, in a moment: no table is counted. */
export async function readEngineFigures(database: Database): Promise<EngineFigures> {
  return {
    serverVersion: database.version,
    filled: await readFilled(database),
    collations: await readCollations(database),
    ...(await readOutline(database)),
  };
}

/**
 * Starts a copy of a backup, reads every table of it, and compares: tables that had rows have some,
 * the schema and the extensions are the same, no sequence is behind. Its outcome is a value: `failed`
 * when something differs.
 *
 * @throws `engine/failed` when no copy could be made
 */
export async function proveCopy(
  context: Context,
  options: {
    readonly engine: Engine;
    readonly backup: EngineBackup;
    readonly figures: EngineFigures;
    readonly at?: Date | undefined;
  },
): Promise<EngineProof> {
  const { engine, backup, figures, at } = options;
  const startedAt = context.clock.now().toISOString();
  const began = performance.now();
  const copy = await engine.startCopy(context, { backup, at });
  const copyMs = performance.now() - began;
  return await withCleanup(
    () =>
      step(context, `compare the copy of ${backup.id}`, async (reporter) => {
        const { compared, differences } = await compare(context, copy.address, figures);
        reporter.summary(
          `${thousands(compared.rows)} rows of ${compared.tables} tables, there after ${formatDuration(copyMs)}`,
        );
        return {
          kind: 'engine-proof',
          version: 1,
          plan: null,
          startedAt,
          endedAt: context.clock.now().toISOString(),
          outcome: differences.length === 0 ? 'done' : 'failed',
          engine: engine.label,
          backup: backup.id,
          copyMs,
          compared,
          differences,
        } satisfies EngineProof;
      }),
    () => copy.stop(),
  );
}

async function compare(
  context: Context,
  address: Parameters<typeof connect>[0],
  figures: EngineFigures,
): Promise<Pick<EngineProof, 'compared' | 'differences'>> {
  const how = { purpose: 'proof', signal: context.signal, unlimited: true };
  await using database = await connect(address, how);
  await database.execute('SET default_transaction_read_only = on; SET row_security = off');
  // Reading every row reads every page, and its checksum where the server has them.
  const { tables } = await readRows(database, { upToBytes: 0 });
  const outline = await readOutline(database);
  await noteUnanalysed(context, database);
  const empty = figures.filled
    .filter((table) => (tables[table] ?? 0) === 0)
    .map((table) => `table ${table} has no rows, and had some`);
  const unread = { tables: {}, hashes: { probe: '', tables: {}, largeObjects: null } };
  const others = compareContents(
    { ...unread, ...figures },
    // Large objects come and go: as many as there are.
    { ...unread, ...outline, largeObjects: figures.largeObjects },
  );
  return {
    compared: {
      tables: Object.keys(tables).length,
      rows: Object.values(tables).reduce((sum, rows) => sum + rows, 0),
      schemaObjects: Object.keys(outline.schema.objects).length,
    },
    differences: [
      ...empty,
      ...others.map(({ sentence }) => sentence),
      ...foreignOrder(figures.collations ?? {}, await readCollations(database)),
    ],
  };
}

// Unlogged tables are empty after every restore of files (manual, CREATE TABLE).
async function readFilled(database: Database): Promise<string[]> {
  const tables = await database.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence = 'p'
        AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                         AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY 1`,
  );
  const filled: string[] = [];
  for (let start = 0; start < tables.length; start += 200) {
    const looks = tables
      .slice(start, start + 200)
      .map(({ name }) => `SELECT ${quoteLiteral(name)} AS name WHERE EXISTS (SELECT FROM ${name})`);
    const rows = await database.query<{ name: string }>(looks.join(' UNION ALL '));
    filled.push(...rows.map(({ name }) => name));
  }
  return filled;
}

// A copy of files has the statistics of the original. One that a command made of a dump has none, and
// nobody analyses it before it is needed.
async function noteUnanalysed(context: Context, database: Database): Promise<void> {
  const { tables } = await database.one<{ tables: number }>(
    `SELECT count(*)::int AS tables FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND pg_relation_size(c.oid) > 0 AND c.reltuples <= 0`,
  );
  if (tables === 0) return;
  const text = `${tables} tables of the copy have no statistics: before it goes live, type VACUUM (ANALYZE); in it.`;
  context.emit({ kind: 'note', text });
}
