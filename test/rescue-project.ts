// A database that is armed, changed and rescued by the steps of the commands themselves, for tests that ask
// what becomes of a row.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parseConfig } from '../src/config/schema.ts';
import type { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { type ArmReport, armEnvironment } from '../src/process/arming.ts';
import type { Project } from '../src/process/project.ts';
import { type RescueReport, rescueEnvironment } from '../src/process/rescuing.ts';
import { applyChange } from '../src/safe-change.ts';
import { type TestContext, testContext } from './database.ts';

/** A line of the file of what the old schema cannot hold. */
export interface SalvagedLine {
  readonly table: string;
  readonly what: string;
  readonly reason: string;
  readonly row: Readonly<Record<string, string | null>>;
}

/** The project; `await using` takes its folder and its databases away. */
export interface RescueProject extends AsyncDisposable {
  readonly project: Project & { readonly context: TestContext };
  /** Runs SQL as the application, and returns the rows of the last statement. */
  run<Row extends object>(sql: string): Promise<Row[]>;
  arm(): Promise<ArmReport | null>;
  apply(sql: string): Promise<void>;
  rescue(): Promise<RescueReport>;
  /** What went to the file. */
  salvaged(report: RescueReport): readonly SalvagedLine[];
}

/** Makes one on a database that is there. */
export function rescueProject(address: Address): RescueProject {
  const root = mkdtempSync(join(tmpdir(), 'drydock-rescue-'));
  mkdirSync(join(root, 'migrations'));
  const environments = { live: { url: address.connectionString() } };
  const config = parseConfig({ environments }, { root, file: undefined, variables: {} });
  const project = { config, context: testContext(), actor: { who: 'ana', host: 'laptop' } };
  const run = async <Row extends object>(sql: string): Promise<Row[]> => {
    await using session = await connect(address, { purpose: 'test' });
    return await session.query<Row>(sql);
  };
  return {
    project,
    run,
    arm: () => armEnvironment(project, { environment: 'live', cold: false }),
    apply: async (sql) => {
      writeFileSync(join(root, 'migrations', '001_harm.sql'), `-- Harm.\n${sql}\n`);
      const answers = { plan: async () => true, final: async () => true };
      const report = await applyChange(project, { environment: 'live', answers, waivers: [] });
      expect(report.outcome).toBe('applied');
    },
    rescue: () => rescueEnvironment(project, { environment: 'live', ask: async () => true }),
    salvaged: ({ file }) =>
      file === null
        ? []
        : readFileSync(file, 'utf8')
            .trim()
            .split('\n')
            .map((line): SalvagedLine => JSON.parse(line)),
    [Symbol.asyncDispose]: async () => {
      await using server = await connect(address.withDatabase('postgres'), { purpose: 'test' });
      const made = await server.query<{ name: string }>(
        'SELECT quote_ident(datname) AS name FROM pg_database WHERE starts_with(datname, $1)',
        [address.database],
      );
      for (const { name } of made) await server.execute(`DROP DATABASE ${name} WITH (FORCE)`);
      rmSync(root, { recursive: true });
    },
  };
}
