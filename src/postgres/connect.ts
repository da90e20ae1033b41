// One session on one database. `pg` is imported here and nowhere else, and only when it is needed.

import type { EventEmitter } from 'node:events';
import type { Client, QueryResult } from 'pg';
import { interrupted } from '../core/context.ts';
import type { Failure } from '../core/failure.ts';
import type { Address } from './address.ts';
import { describeStatement, type StatementShape } from './describe.ts';
import { assertOwnSession } from './pooling.ts';
import { runScript, type ScriptFailure } from './script.ts';
import { connectFailure, sqlStateOf, sqlStates, statementFailure } from './server-error.ts';

/** How a session is opened. */
export interface ConnectOptions {
  /** Shown in `pg_stat_activity.application_name`, after `drydock`. */
  readonly purpose: string;
  /** When it fires, the running statement is cancelled on the server. */
  readonly signal?: AbortSignal;
  /**
   * Queries are sent without waiting for the answers to earlier ones: those begun together cost one round
   * trip. For reading alone, by {@link Database.query} and {@link Database.one}.
   */
  readonly pipelined?: boolean;
  /** The server refuses every write of this session (manual, 20.11.1, default_transaction_read_only). */
  readonly readOnly?: boolean;
  /** What is asked together with the session's own first question, in one round trip where it is pipelined. */
  readonly first?: (database: Database) => Promise<unknown>;
  /**
   * No limit of the role or of the database ends what this session does, and it may write where they say
   * otherwise: for reading and mending whole tables of a copy that nobody else uses.
   */
  readonly unlimited?: boolean;
}

/** What the server says beside its answers: notices, warnings, debug and log lines. */
export interface Notice {
  readonly severity: string;
  readonly message: string;
  /** Where in a function or a DO block it was said, the innermost place first. */
  readonly where: string;
}

/** What a statement without result columns did. */
export interface CommandResult {
  /** Rows that the command touched, where the server counts them. */
  readonly rowCount: number | null;
}

/** What is sent in one message with the beginning and with the end of a transaction. */
export interface TransactionBorders<T> {
  /** Statements, the BEGIN among them. */
  readonly begin?: readonly string[];
  /** Statements, the last of them the COMMIT; where one before it fails, nothing is committed. */
  readonly commit?: (result: T) => readonly string[];
}

/** A session on a database. Every error is a {@link Failure} that keeps the server's own fields. */
export interface Database extends AsyncDisposable {
  readonly address: Address;
  /** Process id of the server's backend for this session. */
  readonly pid: number;
  /** True when another program than the server answered the connection: a pool of connections. */
  readonly isProxied: boolean;
  /** `server_version_num`, such as 150018. */
  readonly version: number;
  /** True from BEGIN to the end of that transaction. */
  readonly isInTransaction: boolean;
  /** Tells every notice that the server sends to this session from now on. */
  onNotice(listener: (notice: Notice) => void): void;
  /**
   * Runs one statement with parameters and returns its rows; or several without parameters (simple
   * protocol: one transaction where none is open) and returns the rows of the last.
   */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs one statement with parameters that must return exactly one row. */
  one<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row>;
  /**
   * Runs SQL text as it stands (simple protocol: several statements, no parameters), or one statement
   * with parameters.
   */
  execute(sql: string, values?: readonly unknown[]): Promise<CommandResult>;
  /**
   * Runs statements without parameters in one message; where one fails, those after it are not run. Its
   * failure names that statement alone.
   */
  script(statements: readonly string[]): Promise<readonly CommandResult[]>;
  /**
   * What a statement takes and returns. Nothing is executed.
   *
   * @param types object ids of the types of its parameters; 0 or nothing leaves them to the server
   */
  describe(sql: string, types?: readonly number[]): Promise<StatementShape>;
  /** Runs `work` between BEGIN and COMMIT, with what the BEGIN's message did; any error rolls back. */
  transaction<T>(
    work: (begun: readonly CommandResult[]) => Promise<T>,
    borders?: TransactionBorders<T>,
  ): Promise<T>;
  /** Opens another session in the same place, for as long as it takes to look at this one from there. */
  beside(purpose: string): Promise<Database>;
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;

/**
 * Opens a session.
 *
 * @throws `postgres/unreachable`, `postgres/wrong-password`, `postgres/no-such-database`,
 *   `postgres/too-many-connections`, `postgres/not-accepting`
 * @example
 * await using database = await connect(address, { purpose: 'status' });
 * const [row] = await database.query<{ n: number }>('SELECT 1 AS n');
 */
export async function connect(address: Address, options: ConnectOptions): Promise<Database> {
  if (options.signal?.aborted) throw interrupted();
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    ...address.wire(),
    application_name: `drydock ${options.purpose}`,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    pipeline: options.pipelined === true,
  });
  const dateStyle = reportedDateStyle(client);
  // Without a listener a connection that breaks while idle would end the whole process.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw connectFailure(error, address);
  }
  const session = new Session(client, address, options.signal);
  try {
    // The client reads times in this style alone; the order of day and month stays the database's.
    if (!dateStyle().startsWith('ISO')) await session.execute('SET datestyle = ISO');
    await Promise.all([
      session.identify(),
      options.readOnly === true && session.query(readOnlyUnlessPooled, [session.keyPid]),
      options.unlimited === true && session.execute(withoutLimits),
      options.first?.(session),
    ]);
    if (options.readOnly === true && session.isProxied) {
      await assertOwnSession(session);
      await session.execute('SET default_transaction_read_only = on');
    }
  } catch (failure) {
    await session.close();
    throw failure;
  }
  return session;
}

// The server tells it with the connection, and the client passes it on only here.
function reportedDateStyle(client: Client): () => string {
  const { connection } = client as unknown as { readonly connection: EventEmitter };
  let style = 'ISO';
  connection.on('parameterStatus', (told: { parameterName: string; parameterValue: string }) => {
    if (told.parameterName === 'DateStyle') style = told.parameterValue;
  });
  return () => style;
}

// In the message that asks who answers: where a pool gives each transaction another session, the setting
// would stay on one that the application gets next, and it could not write any more.
const readOnlyUnlessPooled = `SELECT set_config('default_transaction_read_only', 'on', false)
   WHERE pg_backend_pid() = $1`;

// What a role or a database may be given by ALTER … SET (manual, 20.11.1); not every version has them all.
const withoutLimits = `
  SELECT set_config(name, CASE vartype WHEN 'bool' THEN 'off' ELSE '0' END, false) FROM pg_settings
   WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                  'idle_session_timeout', 'transaction_timeout', 'default_transaction_read_only')`;

class Session implements Database {
  readonly address: Address;
  readonly #client: Client;
  readonly #signal: AbortSignal | undefined;
  readonly #cancel = (): void => {
    void this.#cancelRunningStatement();
  };
  pid = 0;
  version = 0;
  isProxied = false;

  constructor(client: Client, address: Address, signal: AbortSignal | undefined) {
    this.address = address;
    this.#client = client;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#cancel, { once: true });
  }

  get isInTransaction(): boolean {
    const status = this.#client.getTransactionStatus();
    return status === 'T' || status === 'E';
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.#client.on('notice', ({ severity = '', message = '', where = '' }) =>
      listener({ severity, message, where }),
    );
  }

  async identify(): Promise<void> {
    const row = await this.one<{ pid: number; version: number }>(
      "SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version",
    );
    this.pid = row.pid;
    this.isProxied = this.keyPid !== row.pid;
    this.version = row.version;
  }

  /**
   * The process id that came with the connection (manual, 55.7, BackendKeyData): the pool's invention where
   * there is one.
   */
  get keyPid(): number | null {
    return (this.#client as Client & { readonly processID: number | null }).processID;
  }

  beside(purpose: string): Promise<Database> {
    return connect(this.address, { purpose });
  }

  async query<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      // The client answers several statements with several results, which its types do not say.
      const result: QueryResult<Row> | QueryResult<Row>[] = await this.#client.query<Row>(sql, [
        ...values,
      ]);
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    } catch (error) {
      throw this.#translate(error, sql);
    }
  }

  async one<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row> {
    const rows = await this.query<Row>(sql, values);
    const [row] = rows;
    if (row === undefined || rows.length > 1) {
      throw new Error(`expected one row, got ${rows.length}: ${sql}`);
    }
    return row;
  }

  async execute(sql: string, values?: readonly unknown[]): Promise<CommandResult> {
    try {
      const result = await (values === undefined
        ? this.#client.query(sql)
        : this.#client.query(sql, [...values]));
      return { rowCount: result.rowCount ?? null };
    } catch (error) {
      throw this.#translate(error, sql);
    }
  }

  async script(statements: readonly string[]): Promise<readonly CommandResult[]> {
    try {
      const rows = await runScript(this.#client, statements);
      return rows.map((rowCount) => ({ rowCount }));
    } catch (failure) {
      const { error, statement } = failure as ScriptFailure;
      throw this.#translate(error, statement);
    }
  }

  async describe(sql: string, types: readonly number[] = []): Promise<StatementShape> {
    try {
      return await describeStatement(this.#client, sql, types);
    } catch (error) {
      throw this.#translate(error, sql);
    }
  }

  async transaction<T>(
    work: (begun: readonly CommandResult[]) => Promise<T>,
    { begin = ['BEGIN'], commit = () => ['COMMIT'] }: TransactionBorders<T> = {},
  ): Promise<T> {
    try {
      const result = await work(await this.script(begin));
      await this.script(commit(result));
      return result;
    } catch (failure) {
      // A lost connection rolls back by itself; the first failure is the one to tell.
      await this.#client.query('ROLLBACK').catch(() => {});
      throw failure;
    }
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#cancel);
    await this.#client.end().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #translate(error: unknown, sql: string): Failure {
    const failure = statementFailure(error, sql);
    return this.#signal?.aborted === true && sqlStateOf(failure) === sqlStates.queryCanceled
      ? interrupted()
      : failure;
  }

  // A second session cancels the statement of this one. When even that fails, the statement's own
  // end (or its timeout) comes first: nothing more can be done from here.
  async #cancelRunningStatement(): Promise<void> {
    try {
      await using other = await connect(this.address, { purpose: 'cancel' });
      await other.query('SELECT pg_cancel_backend($1)', [this.pid]);
    } catch {
      this.#client.end().catch(() => {});
    }
  }
}
