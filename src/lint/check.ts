// Reads migrations as the server would and tells every hazard in them. Needs no database, no
// configuration and no network; whatever is known of the schema makes the verdicts sharper.

import { asksForNoTransaction, batchesOf } from '../migration/directives.ts';
import { parseSql } from '../postgres/parser.ts';
import type { LockMode } from '../postgres/table-lock.ts';
import { positionsIn } from '../postgres/text-position.ts';
import { type Allowance, allowanceFinder, allowancesOf } from './directives.ts';
import { dispatcher } from './dispatch.ts';
import type { AllowedFinding, CheckReport, Finding } from './finding.ts';
import { findingOf, rank, type Told } from './finding-of.ts';
import { locksOf } from './locks-of.ts';
import { fold } from './model/fold.ts';
import { calledRoutines } from './model/fold-types.ts';
import { rangeOfKey } from './model/names.ts';
import { SchemaModel } from './model/schema.ts';
import { type HeldLock, type TransactionModel, TransactionReader } from './model/transaction.ts';
import { type RoutineBody, routineBody } from './plpgsql.ts';
import type { FileContext, Hit, Rule, RuleContext } from './rule.ts';
import { unusedAllowances } from './rules/allowance-without-use/rule.ts';
import { dynamicSqlUnchecked } from './rules/dynamic-sql-unchecked/rule.ts';
import { rules as everyRule } from './rules.ts';
import { rangeOf } from './sql/node.ts';
import type { Statement } from './statement.ts';

/** A file to check: its text, and the path to show. */
export interface CheckedFile {
  readonly path: string;
  readonly sql: string;
  /** Another migration with the same number. */
  readonly collidesWith?: string;
}

/** How files are checked. */
export interface CheckOptions {
  /** What is known of the database before the first file. It is changed while reading. */
  readonly schema?: SchemaModel;
  /** Migrations before these files: read for what they make, not checked. */
  readonly earlier?: readonly CheckedFile[];
  /** True when the files are all there ever were: a table that none of them made is most likely not there. */
  readonly isWholeHistory?: boolean;
  /** Ids of the only rules to use. */
  readonly rules?: readonly string[];
  /** Who runs the files; Drydock makes transactions and sets timeouts by itself. */
  readonly runner?: 'drydock' | 'other';
}

/**
 * Checks files in their order; each is read with what the ones before it have made.
 *
 * @example
 * const report = await check([{ path: '008.sql', sql: 'DROP TABLE users;' }]);
 * report.findings[0]?.rule; // 'drop-table'
 */
export async function check(
  files: readonly CheckedFile[],
  options: CheckOptions = {},
): Promise<CheckReport> {
  const checker = new Checker(options);
  for (const file of options.earlier ?? []) await checker.read(file, { isChecked: false });
  for (const file of files) await checker.read(file, { isChecked: true });
  return {
    kind: 'check',
    version: 1,
    files: files.length,
    statements: checker.statements,
    findings: checker.findings,
    allowed: checker.allowed,
  };
}

interface InsideContext {
  readonly reader: TransactionReader;
  readonly file: FileContext & { statements: Statement[] };
  readonly told: Told[];
  readonly isChecked: boolean;
  /** The routines that led here: one that calls itself is not followed again. */
  readonly callers: readonly string[];
}

class Checker {
  readonly findings: Finding[] = [];
  readonly allowed: AllowedFinding[] = [];
  statements = 0;
  readonly #schema: SchemaModel;
  readonly #rules: readonly Rule[];
  readonly #rulesFor: (statement: Statement) => readonly Rule[];
  readonly #fileRules: readonly Rule[];
  readonly #managed: boolean;
  readonly #isWholeHistory: boolean;
  readonly #bodies: Map<string, RoutineBody> = new Map();
  #transactions = 0;
  #locked: { readonly statement: Statement; readonly locks: readonly HeldLock[] } | undefined;

  constructor(options: CheckOptions) {
    this.#schema = options.schema ?? new SchemaModel();
    this.#managed = options.runner !== 'other';
    this.#isWholeHistory = options.isWholeHistory === true;
    this.#rules = everyRule.filter((rule) => options.rules?.includes(rule.id) ?? true);
    this.#rulesFor = dispatcher(this.#rules);
    this.#fileRules = this.#rules.filter((rule) => rule.checkFile !== undefined);
  }

  async read(source: CheckedFile, { isChecked }: { isChecked: boolean }): Promise<void> {
    const parsed = await parseSql(source.sql);
    this.#schema.beginFile();
    const file: FileContext & { statements: Statement[] } = {
      path: source.path,
      sql: source.sql,
      statements: [],
      comments: parsed.comments,
      problems: parsed.problems,
      runsInDrydock: this.#managed,
      collidesWith: source.collidesWith,
    };
    const told: Told[] = [];
    const reader = new TransactionReader({
      managed: this.#managed,
      separately: asksForNoTransaction(parsed.comments),
      firstId: this.#transactions,
    });
    const batches = this.#managed ? batchesOf(parsed.comments, parsed.statements) : undefined;
    const statements = parsed.statements.map((each): Statement => {
      const isBatched = batches?.has(each) === true;
      return { ...each, inside: undefined, ...(isBatched ? { isBatched } : {}) };
    });
    for (const [at, statement] of statements.entries()) {
      const transaction = reader.enter(statement.node);
      const next = statements[at + 1];
      if (isChecked)
        this.#check(statement, { schema: this.#schema, transaction, file, next }, told);
      file.statements.push(statement);
      this.#follow(statement, transaction, reader);
      await this.#lookInside(statement, transaction, {
        reader,
        file,
        told,
        isChecked,
        callers: [],
      });
    }
    this.#transactions = reader.nextId;
    if (!isChecked) return;
    this.statements += file.statements.length;
    for (const rule of this.#fileRules) {
      for (const hit of rule.checkFile?.(file, this.#schema) ?? []) {
        told.push(this.#tell(rule, hit, hit.statement));
      }
    }
    this.#report(file, told);
  }

  // DO blocks run where they stand; a routine runs where a statement calls it.
  async #lookInside(
    statement: Statement,
    transaction: TransactionModel,
    context: InsideContext,
  ): Promise<void> {
    const { file, told, reader, isChecked, callers } = context;
    const names = this.#schema.routines.size === 0 ? [] : calledRoutines(statement);
    for (const name of names.filter((each) => !callers.includes(each))) {
      const { statements, dynamic } = await this.#bodyOf(name);
      const { start, end } = statement;
      const inside = { kind: 'routine', runs: true, commits: false } as const;
      for (const each of statements) {
        const run = { ...each, start, end, inside };
        if (isChecked) this.#check(run, { schema: this.#schema, transaction, file }, told);
        this.#follow(run, transaction, reader);
        await this.#lookInside(run, transaction, { ...context, callers: [...callers, name] });
      }
      if (dynamic.length > 0) this.#tellUnchecked([{ start, end }], statement, context);
    }
    const body = await routineBody(statement);
    for (const inner of body.statements) {
      if (isChecked) this.#check(inner, { schema: this.#schema, transaction, file }, told);
      file.statements.push(inner);
      if (!inner.inside?.runs) continue;
      this.#follow(inner, transaction, reader);
      await this.#lookInside(inner, transaction, context);
    }
    this.#tellUnchecked(body.dynamic, statement, context);
  }

  // A routine may be called from 50,000 places: its body is read once.
  async #bodyOf(name: string): Promise<RoutineBody> {
    const text = this.#schema.routines.get(name)?.definition ?? '';
    const known = this.#bodies.get(text);
    if (known !== undefined) return known;
    const [definition] = (await parseSql(text)).statements;
    const body =
      definition === undefined
        ? { statements: [], dynamic: [] }
        : await routineBody({ ...definition, inside: undefined });
    this.#bodies.set(text, body);
    return body;
  }

  #tellUnchecked(
    places: RoutineBody['dynamic'],
    statement: Statement,
    { told, isChecked }: InsideContext,
  ): void {
    if (!isChecked || !this.#rules.includes(dynamicSqlUnchecked)) return;
    for (const place of places) {
      const hit: Hit = { objects: [], message: dynamicSqlUnchecked.why, lock: null, ...place };
      told.push(this.#tell(dynamicSqlUnchecked, hit, statement));
    }
  }

  #check(statement: Statement, context: RuleContext, told: Told[]): void {
    for (const rule of this.#rulesFor(statement)) {
      for (const hit of rule.check?.(statement, context) ?? []) {
        told.push(this.#tell(rule, hit, statement));
      }
    }
  }

  #follow(statement: Statement, transaction: TransactionModel, reader: TransactionReader): void {
    for (const lock of this.#locksOf(statement)) {
      const table = rangeOfKey(lock.table);
      const inUse = !this.#schema.isNew(table) && !this.#schema.isPerhapsNew(table);
      reader.hold(transaction, lock, { inUse });
    }
    if (!('TransactionStmt' in statement.node)) transaction.statements += 1;
    fold(this.#schema, statement, transaction);
    this.#locked = undefined;
  }

  // Asked for by every hit and once more when the statement has run: the model is the same until then.
  #locksOf(statement: Statement): readonly HeldLock[] {
    if (this.#locked?.statement !== statement) {
      this.#locked = { statement, locks: locksOf(statement, this.#schema) };
    }
    return this.#locked.locks;
  }

  #tell(rule: Rule, hit: Hit, statement: Statement | undefined): Told {
    const [object] = hit.objects;
    const parts = object?.match(/"(?:[^"]|"")*"|[^.]+/g)?.map(unquoted) ?? [];
    const name = rangeOf(parts);
    const lock = hit.lock ?? null;
    const isPerhapsNew = object !== undefined && this.#schema.isPerhapsNew(name);
    return {
      rule,
      hit,
      statement,
      lock:
        hit.lock === undefined && statement !== undefined ? this.#lockOn(statement, object) : lock,
      isPerhapsNew,
      isMostLikelyNew: isPerhapsNew && this.#isWholeHistory,
      size: this.#schema.table(name)?.size,
    };
  }

  #lockOn(statement: Statement, object: string | undefined): LockMode | null {
    return this.#locksOf(statement).find((lock) => lock.shown === object)?.mode ?? null;
  }

  #report(file: FileContext, told: readonly Told[]): void {
    const positionAt = positionsIn(file.sql);
    const allowances = allowancesOf(file.comments, file.statements);
    const allowanceFor = allowanceFinder(allowances);
    const used = new Set<Allowance>();
    const findings: Finding[] = [];
    for (const each of told) {
      const finding = findingOf(each, file, positionAt);
      const start = each.hit.start ?? each.statement?.start ?? 0;
      const allowance = allowanceFor(finding.rule, start);
      if (allowance !== undefined) used.add(allowance);
      if (allowance === undefined || allowance.reason === '') findings.push(finding);
      else this.allowed.push({ finding, reason: allowance.reason });
    }
    for (const { rule, hit } of unusedAllowances(allowances, used)) {
      if (this.#rules.includes(rule)) {
        findings.push(findingOf(this.#tell(rule, hit, undefined), file, positionAt));
      }
    }
    findings.sort((a, b) => a.line - b.line || a.column - b.column || rank(a) - rank(b));
    // One at a time: a spread of 100,000 arguments would overflow the stack.
    for (const finding of findings) this.findings.push(finding);
  }
}

function unquoted(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}
