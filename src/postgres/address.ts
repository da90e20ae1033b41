// The address of one database. The password lives inside and comes out at two doors only: the wire
// (`connectionString`) and the environment of a client program (`toolEnvironment`).

import { Failure } from '../core/failure.ts';

/** Where a database is and how to get in. Printing it, in any way, shows no password. */
export class Address {
  readonly #url: URL;

  private constructor(url: URL) {
    this.#url = url;
  }

  /**
   * Reads a connection URI (PostgreSQL manual, 34.1.1.2).
   *
   * @throws `config/bad-address` when the text is not a `postgresql://` URI with a database name.
   * @example Address.parse('postgresql://app@db.example:5432/shop').database // 'shop'
   */
  static parse(text: string): Address {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
      throw badAddress('a database address is not a postgresql:// URI');
    }
    if (url.pathname.length < 2) throw badAddress('a database address names no database');
    return new Address(url);
  }

  /** The address that the standard PG* variables give (PostgreSQL manual, 34.15), if any does. */
  static fromPgVariables(environment: NodeJS.ProcessEnv): Address | undefined {
    const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = environment;
    if (PGDATABASE === undefined) return undefined;
    const url = new URL(`postgresql:///${encodeURIComponent(PGDATABASE)}`);
    if (PGHOST !== undefined) url.searchParams.set('host', PGHOST);
    if (PGPORT !== undefined) url.searchParams.set('port', PGPORT);
    if (PGUSER !== undefined) url.searchParams.set('user', PGUSER);
    if (PGPASSWORD !== undefined) url.searchParams.set('password', PGPASSWORD);
    return new Address(url);
  }

  get database(): string {
    return decodeURIComponent(this.#url.pathname.slice(1));
  }

  get host(): string {
    const host = this.#url.searchParams.get('host') ?? this.#url.hostname;
    return host === '' ? 'localhost' : host;
  }

  get port(): string {
    const port = this.#url.searchParams.get('port') ?? this.#url.port;
    return port === '' ? '5432' : port;
  }

  get user(): string | undefined {
    const user = this.#url.searchParams.get('user') ?? decodeURIComponent(this.#url.username);
    return user === '' ? undefined : user;
  }

  get #password(): string {
    return this.#url.searchParams.get('password') ?? decodeURIComponent(this.#url.password);
  }

  /** Host, port and database for people, such as `db.example:5432/shop`. */
  get label(): string {
    return `${this.host}:${this.port}/${this.database}`;
  }

  /** The same server, another database. */
  withDatabase(database: string): Address {
    const url = new URL(this.#url);
    url.pathname = `/${encodeURIComponent(database)}`;
    return new Address(url);
  }

  /** True when both lead to the same database by the same names. */
  equals(other: Address): boolean {
    return this.label === other.label;
  }

  /** The whole URI with its password: for the wire protocol, nowhere else. */
  connectionString(): string {
    const url = new URL(this.#url);
    // Without this, node-postgres reads sslmode=require more strictly than libpq documents it.
    if (url.searchParams.has('sslmode')) url.searchParams.set('uselibpqcompat', 'true');
    return url.href;
  }

  /** The URI without its password, for the `--dbname` of a client program. */
  toolArgument(): string {
    const url = new URL(this.#url);
    url.password = '';
    url.searchParams.delete('password');
    return url.href;
  }

  /** What a client program needs in its environment to get in as this address does. */
  toolEnvironment(): Readonly<Record<string, string>> {
    return this.#password === '' ? {} : { PGPASSWORD: this.#password };
  }

  /** The texts that must not appear in anything that Drydock writes. */
  secrets(): readonly string[] {
    const password = this.#password;
    return password === '' ? [] : [password, encodeURIComponent(password), this.#url.password];
  }

  toString(): string {
    return this.label;
  }

  toJSON(): string {
    return this.label;
  }
}

/** An identifier quoted for SQL (PostgreSQL manual, 4.1.1). */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant quoted for SQL, whatever `standard_conforming_strings` says (manual, 4.1.2). */
export function quoteLiteral(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return text.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

// The text itself may hold a password, so it is not repeated.
function badAddress(message: string): Failure {
  return new Failure({
    code: 'config/bad-address',
    message,
    hint: 'Write it as postgresql://user:password@host:5432/database, best in an environment variable.',
  });
}
