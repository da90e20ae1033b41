// Every example of every rule is run on a real server, and what the rules claim (locks, rewrites,
// scans, index builds) is compared with what the server did.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test/database.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { parseSql } from '../postgres/parser.ts';
import { sqlStateOf } from '../postgres/server-error.ts';
import { isAtLeast, type LockMode, lockModes, stronger } from '../postgres/table-lock.ts';
import { check } from './check.ts';
import { type Example, exampleOf, given, known } from './examples.ts';
import type { Finding, Work } from './finding.ts';
import { locksOf } from './locks-of.ts';
import { fold } from './model/fold.ts';
import { SchemaModel } from './model/schema.ts';
import { TransactionReader } from './model/transaction.ts';
import { routineBody } from './plpgsql.ts';
import { rules } from './rules.ts';

let template: TestDatabase;

beforeAll(async () => {
  template = await testDatabase({ name: 'lint_given', sql: given.sql });
});

afterAll(async () => {
  await template.drop();
});

const examples = rules.flatMap((rule) => [exampleOf(rule.id, 'bad'), exampleOf(rule.id, 'good')]);

describe.each(examples)('$path', (example) => {
  it('does on the server what is claimed of it', async () => {
    await using copy = await testDatabase({ template: 'lint_given' });
    const messages: string[] = [];
    await using database = await connect(copy.address, { purpose: 'examples' });
    database.onNotice(({ message }) => messages.push(message));
    if (example.before !== undefined && database.version >= example.before) return;
    const { findings } = await check([example], { earlier: [given], schema: known(example) });
    const observer = new Observer(database, messages, findings);
    const state = await observer.run(example);
    expect(state).toBe(example.fails);
  });
});

class Observer {
  readonly #database: Database;
  readonly #messages: string[];
  readonly #findings: readonly Finding[];

  constructor(database: Database, messages: string[], findings: readonly Finding[]) {
    this.#database = database;
    this.#messages = messages;
    this.#findings = findings;
  }

  /** Runs the example as Drydock would; gives the SQLSTATE of the statement that failed. */
  async run(example: Example): Promise<string | undefined> {
    const database = this.#database;
    const schema = await modelOfGiven();
    const reader = new TransactionReader({ managed: true, firstId: 1_000 });
    const { statements, problems } = await parseSql(example.sql);
    if (problems.length > 0) return await failureOf(database.execute(example.sql));
    let open = 0;
    await database.execute('SET client_min_messages = debug1');
    for (const parsed of statements) {
      const statement = { ...parsed, inside: undefined };
      const transaction = reader.enter(statement.node);
      if ('TransactionStmt' in statement.node) continue;
      if (open !== transaction.id) {
        if (open !== 0) await database.execute('COMMIT');
        open = transaction.kind === 'none' ? 0 : transaction.id;
        if (open !== 0) await database.execute('BEGIN');
      }
      const before = await this.#relations();
      const figures = await this.#figures();
      this.#messages.length = 0;
      const state = await failureOf(database.execute(statement.text));
      if (state !== undefined) {
        await database.execute('ROLLBACK');
        return state;
      }
      const told = [...this.#messages];
      const inner = (await routineBody(statement)).statements.filter((each) => each.inside?.runs);
      for (const each of [statement, ...inner]) {
        for (const lock of locksOf(each, schema)) reader.hold(transaction, lock, { inUse: true });
      }
      if (open !== 0) {
        const observed = await this.#locks(before);
        const claimed = new Map([...transaction.locks].map(([key, lock]) => [key, lock.mode]));
        this.#compareLocks(observed, claimed, { text: statement.text, schema });
        told.push(...(await this.#changes(figures)));
        this.#compareFindings(statement.text, observed, told);
      }
      fold(schema, statement, transaction);
    }
    if (open !== 0) await database.execute('COMMIT');
    return undefined;
  }

  #compareLocks(
    observed: ReadonlyMap<string, LockMode>,
    claimed: ReadonlyMap<string, LockMode>,
    { text, schema }: { text: string; schema: SchemaModel },
  ): void {
    for (const [table, mode] of observed) {
      const parent = schema.tables.get(table)?.partitionOf;
      // Partitions are locked as their parent is; the lock table names the parent alone.
      const claim = claimed.get(table) ?? claimed.get(parent ?? '');
      if (!claimsLock(text) || schema.isNew(nameOf(table))) continue;
      expect(`${table}: ${claim}`, text).toBe(`${table}: ${mode}`);
    }
    for (const [table, mode] of claimed) {
      if (!isAtLeast(mode, 'SHARE UPDATE EXCLUSIVE') || schema.isNew(nameOf(table))) continue;
      if (schema.tables.has(table))
        expect(`${table}: ${observed.get(table)}`, text).toBe(`${table}: ${mode}`);
    }
  }

  #compareFindings(
    text: string,
    observed: ReadonlyMap<string, LockMode>,
    messages: readonly string[],
  ): void {
    for (const finding of this.#findings.filter((each) => each.statement === text)) {
      const table = `public.${finding.objects[0]}`;
      const seen = observed.get(table);
      if (
        finding.lock !== null &&
        isAtLeast(finding.lock, 'SHARE UPDATE EXCLUSIVE') &&
        seen !== undefined
      ) {
        expect(`${finding.rule}: ${finding.lock}`, text).toBe(`${finding.rule}: ${seen}`);
      }
    }
    this.#compareWork(text, messages.join('\n'));
  }

  // Both ways: what a finding claims the server did, and what the server did some finding claims.
  #compareWork(text: string, told: string): void {
    const findings = this.#findings.filter((each) => each.statement === text);
    for (const { rule, work, confidence } of findings) {
      if (work === 'none' || work === 'held' || confidence.kind === 'depends') continue;
      expect(told, `${rule} claims a ${work} of: ${text}`).toMatch(witnesses[work]);
    }
    const claimed = new Set(findings.map((finding) => finding.work));
    if (!claimed.has('rewrite')) expect(told, text).not.toMatch(/rewriting table/);
    if (claimed.size === 1 && claimed.has('none')) {
      expect(told, text).not.toMatch(/verifying table|validating foreign key/);
    }
  }

  // The tables that are there before a statement: only locks on these can keep others waiting.
  async #relations(): Promise<ReadonlyMap<number, string>> {
    const rows = await this.#database.query<{ oid: number; name: string }>(
      `SELECT c.oid, n.nspname || '.' || c.relname AS name FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'm')`,
    );
    return new Map(rows.map((row) => [row.oid, row.name]));
  }

  // File nodes change when a table is written anew; the transaction's own counters tell its scans.
  async #figures(): Promise<ReadonlyMap<string, { node: number; scans: string }>> {
    const rows = await this.#database.query<{ name: string; node: number; scans: string }>(
      `SELECT c.oid::regclass::text AS name, relfilenode AS node, pg_stat_get_xact_numscans(c.oid) AS scans
       FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm')`,
    );
    return new Map(rows.map(({ name, ...figures }) => [name, figures]));
  }

  async #changes(before: ReadonlyMap<string, { node: number; scans: string }>): Promise<string[]> {
    return [...(await this.#figures())].flatMap(([name, { node, scans }]) => {
      const old = before.get(name);
      if (old === undefined) return [];
      return [
        ...(old.node === node ? [] : [`new file node: ${name}`]),
        ...(old.scans === scans ? [] : [`sequential scan: ${name}`]),
      ];
    });
  }

  async #locks(before: ReadonlyMap<number, string>): Promise<ReadonlyMap<string, LockMode>> {
    const rows = await this.#database.query<{ oid: number; mode: string }>(
      `SELECT relation AS oid, mode FROM pg_locks
       WHERE pid = pg_backend_pid() AND granted AND locktype = 'relation'`,
    );
    const strongest = new Map<string, LockMode>();
    for (const { oid, mode } of rows) {
      const name = before.get(oid);
      const lock = lockModes.find(
        (each) => `${each.toLowerCase().replaceAll(' ', '')}lock` === mode.toLowerCase(),
      );
      if (lock === undefined || name === undefined) continue;
      if (isAtLeast(lock, 'SHARE UPDATE EXCLUSIVE')) {
        strongest.set(name, stronger(lock, strongest.get(name)));
      }
    }
    return strongest;
  }
}

// What the server says at debug1 while it works, the same words on 14 to 18.
const witnesses: Record<Exclude<Work, 'none' | 'held'>, RegExp> = {
  rewrite: /rewriting table|new file node/,
  'index build': /building index/,
  scan: /verifying table|validating foreign key constraint|sequential scan/,
};

// Locks on tables that only the catalog names (through a type, a domain, CASCADE) or a text made at
// run time.
function claimsLock(text: string): boolean {
  return !/^(alter domain|drop type|drop table orders cascade)|execute format/i.test(text);
}

function nameOf(key: string): { relname: string; schemaname: string } {
  const dot = key.indexOf('.');
  return { schemaname: key.slice(0, dot), relname: key.slice(dot + 1) };
}

async function modelOfGiven(): Promise<SchemaModel> {
  const schema = new SchemaModel();
  await check([], { earlier: [given], schema });
  schema.file += 1;
  return schema;
}

async function failureOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (failure) {
    return sqlStateOf(failure);
  }
}
