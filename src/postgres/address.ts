// The address of one database. The password lives inside and comes out at two doors only: the wire
// (`connectionString`, `wire`) and the environment of a client program (`toolEnvironment`).

import { userInfo } from 'node:os';
import { Failure } from '../core/failure.ts';
import { passFilePassword } from './pass-file.ts';
import { serviceParameters } from './service-file.ts';
import { type Encryption, encryptionOf } from './tls.ts';

/** Where a database is and how to get in. Printing it, in any way, shows no password. */
export class Address {
  readonly #url: URL;

  private constructor(url: URL) {
    this.#url = url;
  }

  /**
   * Reads a connection URI (PostgreSQL manual, 34.1.1.2). A `service` in it is looked up, and what it
   * does not say about password and encryption is read from PGPASSWORD, PGSSLMODE and its kin, as
   * libpq does.
   *
   * @throws `config/bad-address` when the text is not a `postgresql://` URI with a database name;
   *   `config/no-such-service`
   * @example Address.parse('postgresql://app@db.example:5432/shop').database // 'shop'
   */
  static parse(text: string, variables: NodeJS.ProcessEnv = process.env): Address {
    const url = urlOf(text);
    if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
      throw badAddress('a database address is not a postgresql:// URI');
    }
    if (![url.username, url.password, url.hostname, url.pathname].every(isDecodable)) {
      throw badAddress('a database address has a % that stands for nothing');
    }
    const service = url.searchParams.get('service');
    if (service !== null) addParameters(url, serviceParameters(service, variables));
    url.searchParams.delete('service');
    addParameters(url, parametersIn(variables, accessOfVariables));
    if (url.pathname.length < 2) throw badAddress('a database address names no database');
    return new Address(url);
  }

  /** The address that the standard PG* variables give (PostgreSQL manual, 34.15), if any does. */
  static fromPgVariables(variables: NodeJS.ProcessEnv): Address | undefined {
    const url = new URL('postgresql:///');
    // What a service says wins over a variable.
    const { PGSERVICE } = variables;
    if (PGSERVICE !== undefined) addParameters(url, serviceParameters(PGSERVICE, variables));
    addParameters(url, parametersIn(variables, placeOfVariables));
    addParameters(url, parametersIn(variables, accessOfVariables));
    return url.pathname.length < 2 ? undefined : new Address(url);
  }

  get database(): string {
    return decodeURIComponent(this.#url.pathname.slice(1));
  }

  get host(): string {
    const given = this.#givenHost;
    return given === '' ? 'localhost' : given;
  }

  // A socket's folder may stand in the place of a host, its slashes written as %2F.
  get #givenHost(): string {
    const host = this.#url.searchParams.get('host') ?? decodeURIComponent(this.#url.hostname);
    return host.replace(/^\[(.+)\]$/, '$1');
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
    return this.#url.href;
  }

  /**
   * How the wire protocol gets in, the password included. Taken apart here, because node-postgres reads
   * odd characters of names and some words of TLS in other ways than libpq.
   *
   * @throws `config/bad-tls`
   */
  wire(): WireParameters {
    const parameters = Object.fromEntries(this.#url.searchParams);
    const { sslmode, sslrootcert, sslcert, sslkey, host: _host, ...rest } = parameters;
    const { database, user } = this;
    const host = this.#givenHost;
    const password = this.#password;
    return {
      ...rest,
      ...(host === '' ? {} : { host }),
      port: Number(this.port),
      ...(user === undefined ? {} : { user }),
      // Asked for only when the server wants one.
      password: password === '' ? () => this.#passwordOfFile() : password,
      database,
      // A socket is never encrypted (manual, 34.1.2, sslmode).
      ssl: host.startsWith('/') ? false : encryptionOf({ sslmode, sslrootcert, sslcert, sslkey }),
    };
  }

  #passwordOfFile(): string {
    const { host, port, database } = this;
    return passFilePassword({ host, port, database, user: this.user ?? userInfo().username }) ?? '';
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

/** What node-postgres is told. */
export interface WireParameters {
  readonly host?: string;
  readonly port: number;
  readonly user?: string;
  readonly password: string | (() => string);
  readonly database: string;
  readonly ssl: Encryption;
  readonly [parameter: string]: unknown;
}

// A URI may name a user and no host (`postgresql://ana@/shop?host=/run/postgresql`), a URL may not.
function urlOf(text: string): URL | undefined {
  const [, scheme, who = '', rest] = /^(postgres(?:ql)?:\/\/)([^/?#]*)@([/?].*)$/s.exec(text) ?? [];
  const plain = scheme === undefined ? text : `${scheme}${rest}`;
  if (!URL.canParse(plain)) return undefined;
  const url = new URL(plain);
  if (scheme === undefined || !isDecodable(who)) return url;
  const cut = who.indexOf(':');
  url.searchParams.set('user', decodeURIComponent(cut < 0 ? who : who.slice(0, cut)));
  if (cut >= 0) url.searchParams.set('password', decodeURIComponent(who.slice(cut + 1)));
  return url;
}

const placeOfVariables = {
  PGHOST: 'host',
  PGPORT: 'port',
  PGUSER: 'user',
  PGDATABASE: 'dbname',
};
const accessOfVariables = {
  PGPASSWORD: 'password',
  PGSSLMODE: 'sslmode',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
};

function parametersIn(
  variables: NodeJS.ProcessEnv,
  names: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const said = Object.entries(names).flatMap(([variable, parameter]) => {
    const value = variables[variable];
    return value === undefined || value === '' ? [] : [[parameter, value] as const];
  });
  return new Map(said);
}

// Adds what the address does not say itself.
function addParameters(url: URL, parameters: ReadonlyMap<string, string>): void {
  const isSaid: Readonly<Record<string, boolean>> = {
    host: url.hostname !== '',
    port: url.port !== '',
    user: url.username !== '',
    password: url.password !== '',
    dbname: url.pathname.length > 1,
  };
  for (const [name, value] of parameters) {
    if (isSaid[name] === true || url.searchParams.has(name)) continue;
    if (name === 'dbname') url.pathname = `/${encodeURIComponent(value)}`;
    else url.searchParams.set(name, value);
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
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

/**
 * SQL text with its parameters written out, so that it can travel in one message with other statements.
 *
 * @example withLiterals('SELECT $1, $2', ["it's", null]) // "SELECT 'it''s', NULL"
 */
export function withLiterals(
  sql: string,
  values: readonly (string | number | Date | null)[],
): string {
  return sql.replaceAll(/\$(\d+)/g, (_, place: string) =>
    literal(values[Number(place) - 1] ?? null),
  );
}

function literal(value: string | number | Date | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  return quoteLiteral(typeof value === 'string' ? value : value.toISOString());
}

// The text itself may hold a password, so it is not repeated.
function badAddress(message: string): Failure {
  return new Failure({
    code: 'config/bad-address',
    message,
    hint: 'Write it as postgresql://user:password@host:5432/database, best in an environment variable. In a password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25.',
  });
}
