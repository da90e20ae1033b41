// A project whose one environment is guarded and keeps what an apply would destroy, with a database of its own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EnvironmentInput } from '../src/config/input.ts';
import { parseConfig } from '../src/config/schema.ts';
import { connect, type Database } from '../src/postgres/connect.ts';
import { type SchemaFact, schemaFacts } from '../src/postgres/fingerprint.ts';
import type { ChangeReport } from '../src/process/change-report.ts';
import type { Project } from '../src/process/project.ts';
import { type UndoReport, undoChange } from '../src/process/undoing.ts';
import { gates, parseWaiver } from '../src/promotion/judge.ts';
import { applyChange } from '../src/safe-change.ts';
import { type TestContext, type TestDatabase, testContext, testDatabase } from './database.ts';

const waivers = gates.map(({ id }) => parseWaiver(`${id}=a test`, 'ana'));

/** The project; `await using` takes folder and database away. */
export interface UndoProject extends AsyncDisposable {
  readonly project: Project & { readonly context: TestContext };
  readonly database: TestDatabase;
  /** A session in which a test is the application. */
  readonly live: Database;
  readonly before: readonly SchemaFact[];
  /** Applies one more migration, with every gate waived that can be. */
  apply(sql: string): Promise<ChangeReport>;
  undo(): Promise<UndoReport>;
}

/** Makes one on a database that holds `sql`. */
export async function undoProject(
  sql: string,
  environment: Partial<EnvironmentInput> = {},
): Promise<UndoProject> {
  const root = mkdtempSync(join(tmpdir(), 'drydock-undo-'));
  mkdirSync(join(root, 'migrations'));
  const database = await testDatabase({ sql });
  const url = database.address.connectionString();
  const environments = { live: { url, guarded: true, undo: true, ...environment } };
  const config = parseConfig({ environments }, { root, file: undefined, variables: {} });
  const context = testContext();
  const project = { config, context, actor: { who: 'ana', host: 'laptop' } };
  const live = await connect(database.address, { purpose: 'test' });
  let count = 0;
  return {
    project,
    database,
    live,
    before: await schemaFacts(live),
    apply: async (text) => {
      count += 1;
      writeFileSync(join(root, 'migrations', `00${count}_harm.sql`), `-- Harm.\n${text}\n`);
      const answers = { plan: async () => true, final: async () => true };
      const report = await applyChange(project, { environment: 'live', answers, waivers });
      const closed = report.gates?.filter(({ state }) => state === 'closed');
      expect(report.outcome, JSON.stringify(closed)).toBe('applied');
      return report;
    },
    undo: () => undoChange(project, { environment: 'live', ask: async () => true }),
    [Symbol.asyncDispose]: async () => {
      await live.close();
      await database.drop();
      rmSync(root, { recursive: true });
    },
  };
}
