// A project as commands have it: a folder with migrations, and environments with databases of their own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnvironmentInput } from '../src/config/input.ts';
import { parseConfig } from '../src/config/schema.ts';
import type { Project } from '../src/process/project.ts';
import { type TestContext, type TestDatabase, testContext, testDatabase } from './database.ts';

/** A project of one test; `await using` takes folder and databases away. */
export interface TestProject extends Project, AsyncDisposable {
  readonly context: TestContext;
  readonly databases: Readonly<Record<string, TestDatabase>>;
  /** Writes a migration: name without `.sql`, and its text. */
  write(name: string, sql: string): void;
}

/** Makes the project; each environment's database begins with `sql`. */
export async function testProject(
  environments: Readonly<Record<string, EnvironmentInput>>,
  sql?: string,
): Promise<TestProject> {
  const root = mkdtempSync(join(tmpdir(), 'drydock-test-'));
  mkdirSync(join(root, 'migrations'));
  const names = Object.keys(environments);
  const databases = Object.fromEntries(
    await Promise.all(
      names.map(
        async (name) => [name, await testDatabase(sql === undefined ? {} : { sql })] as const,
      ),
    ),
  );
  const withUrls = Object.fromEntries(
    names.map((name) => [
      name,
      { url: databases[name]?.address.connectionString(), ...environments[name] },
    ]),
  );
  return {
    config: parseConfig({ environments: withUrls }, { root, file: undefined, variables: {} }),
    context: testContext(),
    actor: { who: 'ana', host: 'laptop' },
    databases,
    write: (name, text) => writeFileSync(join(root, 'migrations', `${name}.sql`), text),
    [Symbol.asyncDispose]: async () => {
      for (const database of Object.values(databases)) await database.drop();
      rmSync(root, { recursive: true });
    },
  };
}
