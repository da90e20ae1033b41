// Runs a migration on a real server, statement by statement as Drydock would, and compares what the check
// claims of it (locks, rewrites, scans, index builds) with what the server did.

import { expect } from 'vitest';
import { check } from '../src/lint/check.ts';
import { given } from '../src/lint/examples.ts';
import type { Finding, Work } from '../src/lint/finding.ts';
import { locksOf } from '../src/lint/locks-of.ts';
import { fold } from '../src/lint/model/fold.ts';
import { SchemaModel } from '../src/lint/model/schema.ts';
import { TransactionReader } from '../src/lint/model/transaction.ts';
import { routineBody } from '../src/lint/plpgsql.ts';
import type { Address } from '../src/postgres/address.ts';
import { connect, type Database } from '../src/postgres/connect.ts';
import { parseSql } from '../src/postgres/parser.ts';
import { sqlStateOf } from '../src/postgres/server-error.ts';
import { isAtLeast, type LockMode, lockModes, stronger } from '../src/postgres/table-lock.ts';

/** What is run, and what the check said of it. */
export interface Observed {
  readonly address: Address;
  /** Files in order, each with the findings about it. */
  readonly files: readonly { readonly sql: string; readonly findings: readonly Finding[] }[];
  /** SQL that the database holds besides the schema that every example starts from. */
  readonly before?: string;
}

/**
 * Runs the files and expects the claims to be true; gives the SQLSTATE that each file ended with,
 * `undefined` where it ran.
 */
export async function observe({
  address,
  files,
  before,
}: Observed): Promise<(string | undefined)[]> {
  const messages: string[] = [];
  await using database = await connect(address, { purpose: 'examples' });
  database.onNotice(({ message }) => messages.push(message));
  const schema = new SchemaModel();
  const earlier = before === undefined ? [given] : [given, { path: 'before.sql', sql: before }];
  await check([], { earlier, schema });
  const observer = new Observer(database, messages, schema);
  const states: (string | undefined)[] = [];
  for (const file of files) states.push(await observer.run(file));
  return states;
}

class Observer {
  readonly #database: Database;
  readonly #messages: string[];
  readonly #schema: SchemaModel;
  #findings: readonly Finding[] = [];

  constructor(database: Database, messages: string[], schema: SchemaModel) {
    this.#database = database;
    this.#messages = messages;
    this.#schema = schema;
  }

  /** Runs a file as Drydock would; gives the SQLSTATE of the statement that failed. */
  async run({ sql, findings }: Observed['files'][number]): Promise<string | undefined> {
    const database = this.#database;
    const schema = this.#schema;
    this.#findings = findings;
    schema.beginFile();
    const reader = new TransactionReader({ managed: true, firstId: 1_000 });
    const { statements, problems } = await parseSql(sql);
    if (problems.length > 0) return await failureOf(database.execute(sql));
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
      const held = open === 0 ? new Map() : await this.#locks(before);
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
        this.#compareFindings(statement.text, { observed, held }, this.#aboutOldTables(told));
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
    const isOwn = (key: string): boolean =>
      schema.isNew(nameOf(key)) || schema.isPerhapsNew(nameOf(key));
    for (const [table, mode] of observed) {
      const claim = claimOn(table, claimed, schema);
      if (!claimsLock(text) || isOwn(table)) continue;
      expect(`${table}: ${claim}`, text).toBe(`${table}: ${mode}`);
    }
    for (const [table, mode] of claimed) {
      if (!isAtLeast(mode, 'SHARE UPDATE EXCLUSIVE') || isOwn(table)) continue;
      if (schema.tables.has(table))
        expect(`${table}: ${observed.get(table)}`, text).toBe(`${table}: ${mode}`);
    }
  }

  #compareFindings(
    text: string,
    { observed, held }: Record<'observed' | 'held', ReadonlyMap<string, LockMode>>,
    messages: readonly string[],
  ): void {
    for (const finding of this.#findings.filter((each) => each.statement === text)) {
      const table = `public.${finding.objects[0]}`;
      const seen = observed.get(table);
      if (
        finding.lock !== null &&
        isAtLeast(finding.lock, 'SHARE UPDATE EXCLUSIVE') &&
        seen !== undefined &&
        // What the transaction held before hides a weaker lock.
        held.get(table) !== seen
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

  // What is done to a table that the file made keeps nobody waiting.
  #aboutOldTables(messages: readonly string[]): string[] {
    const own = [...this.#schema.tables.values()].filter(
      ({ key, madeIn }) => madeIn === this.#schema.file || key.startsWith('pg_temp.'),
    );
    const names = own.map(({ key }) => key.slice(key.indexOf('.') + 1));
    return messages.filter((each) => !names.some((name) => each.endsWith(`"${name}"`)));
  }

  // The tables that are there before a statement: only locks on these can keep others waiting.
  async #relations(): Promise<ReadonlyMap<number, string>> {
    const rows = await this.#database.query<{ oid: number; name: string }>(
      `SELECT c.oid, n.nspname || '.' || c.relname AS name FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname !~ '^pg_|^information_schema$' AND c.relkind IN ('r', 'p', 'm')`,
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

// Partitions are locked as their parent is; the lock table names the parent alone.
function claimOn(
  table: string,
  claimed: ReadonlyMap<string, LockMode>,
  schema: SchemaModel,
): LockMode | undefined {
  const parent = schema.tables.get(table)?.partitionOf;
  return (
    claimed.get(table) ?? (parent === undefined ? undefined : claimOn(parent, claimed, schema))
  );
}

// Locks on tables that only the catalog names (through a type, a domain, CASCADE), or a text made at run
// time, or the body of a routine.
function claimsLock(text: string): boolean {
  return !/^(alter domain|drop type|drop function|select \w+\(|select \* from \w+\()|execute format|perform/i.test(
    text,
  );
}

function nameOf(key: string): { relname: string; schemaname: string } {
  const dot = key.indexOf('.');
  return { schemaname: key.slice(0, dot), relname: key.slice(dot + 1) };
}

async function failureOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (failure) {
    return sqlStateOf(failure);
  }
}
