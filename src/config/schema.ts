// The untrusted configuration: what a file may say, checked at once, all problems told together.

import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../core/duration.ts';
import { Failure, messageOf } from '../core/failure.ts';
import { Address } from '../postgres/address.ts';
import { type Config, type Environment, Secret } from './environment.ts';

/** A value that is read from an environment variable when it is needed; made by {@link env}. */
export interface EnvReference {
  readonly env: string;
}

/** Names an environment variable in a configuration: its value never stands in the file. */
export function env(name: string): EnvReference {
  return { env: name };
}

type Text = string | EnvReference;

/** What one environment may be told in the configuration. */
export interface EnvironmentInput {
  /** Address of the database: `env('PRODUCTION_DATABASE_URL')`. */
  url?: Text;
  /** The environment before this one in the order of promotion. */
  after?: string;
  /** Changed only through gates, backup, proof and rehearsal. Default: the last in the order. */
  guarded?: boolean;
  /** Questions that an apply asks. Default: `twice` where guarded, else `never`. */
  confirm?: 'never' | 'once' | 'twice';
  /** How long a migration must have been in the environment before, such as `24h` (the default). */
  soak?: string;
  /** Hours in which the environment may be changed. Default: always. */
  window?: { from: string; to: string; timeZone: string };
  /** How long backups are kept (default: 30 days), and whether they hash the rows of all tables. */
  backups?: { keep?: string; hash?: 'small' | 'all' };
  /** How long the application is watched after an apply. Default: 24 hours. */
  monitor?: string;
  /** Shell command that brings a release of the application to this environment. */
  deploy?: string;
  /** Address that answers 200 while the application is healthy. */
  health?: string;
  /** Who is told before and after a change. */
  notify?: { webhook: Text }[];
}

/** What a configuration file may say. */
export interface ConfigInput {
  /** Folder of the migrations. Default: `migrations`. */
  migrations?: string;
  /** Folder of the backups. Default: `backups`. */
  backups?: string;
  environments: Record<string, EnvironmentInput>;
}

/** Gives a configuration its type; returns it unchanged. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

const text = z.union([z.string().min(1), z.strictObject({ env: z.string().min(1) })]);
const duration = z
  .string()
  .refine((value) => parseDuration(value) !== undefined, 'is not a duration such as 24h or 30d');
const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is not a time of day such as 02:00');
const timeZone = z.string().refine(isTimeZone, 'is not a time zone such as Europe/Berlin');

const environmentSchema = z.strictObject({
  url: text.optional(),
  after: z.string().optional(),
  guarded: z.boolean().optional(),
  confirm: z.enum(['never', 'once', 'twice']).optional(),
  soak: duration.optional(),
  window: z.strictObject({ from: timeOfDay, to: timeOfDay, timeZone }).optional(),
  backups: z
    .strictObject({ keep: duration.optional(), hash: z.enum(['small', 'all']).optional() })
    .optional(),
  monitor: duration.optional(),
  deploy: z.string().min(1).optional(),
  health: z.url({ protocol: /^https?$/, error: 'is not an http address' }).optional(),
  notify: z.array(z.strictObject({ webhook: text })).optional(),
});

const configSchema = z.strictObject({
  migrations: z.string().min(1).default('migrations'),
  backups: z.string().min(1).default('backups'),
  environments: z.record(
    z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,40}$/, 'is not a name of lower-case letters, digits and dashes'),
    environmentSchema,
  ),
});

type CheckedEnvironment = z.output<typeof environmentSchema>;

/**
 * Checks what a configuration says and makes the trusted {@link Config} of it.
 *
 * @throws `config/invalid` naming every problem.
 */
export function parseConfig(
  input: unknown,
  from: { root: string; file: string | undefined; variables: NodeJS.ProcessEnv },
): Config {
  const result = configSchema.safeParse(input);
  if (!result.success) {
    throw invalid(
      from.file,
      result.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`),
    );
  }
  const { migrations, backups, environments } = result.data;
  const order = promotionOrder(environments, from.file);
  const addresses = readAddresses(order, from);
  const last = order.at(-1);
  return {
    root: from.root,
    file: from.file,
    migrations: absolute(from.root, migrations),
    backups: absolute(from.root, backups),
    environments: order.map(([name, checked]) =>
      trusted(name, checked, {
        variables: from.variables,
        address: addresses.get(name),
        guardedByDefault: name === last?.[0] && order.length > 1,
      }),
    ),
  };
}

function trusted(
  name: string,
  checked: CheckedEnvironment,
  options: {
    variables: NodeJS.ProcessEnv;
    address: Address | undefined;
    guardedByDefault: boolean;
  },
): Environment {
  const guarded = checked.guarded ?? options.guardedByDefault;
  return {
    name,
    address: options.address,
    addressVariable: typeof checked.url === 'object' ? checked.url.env : undefined,
    after: checked.after,
    guarded,
    confirm: checked.confirm ?? (guarded ? 'twice' : 'never'),
    soakMs: milliseconds(checked.soak ?? (checked.after === undefined ? '0s' : '24h')),
    window: checked.window,
    keepBackupsMs: milliseconds(checked.backups?.keep ?? '30d'),
    hashBackups: checked.backups?.hash ?? 'small',
    monitorMs: milliseconds(checked.monitor ?? '24h'),
    deploy: checked.deploy,
    health: checked.health,
    notify: (checked.notify ?? []).flatMap(({ webhook }) => {
      const url = textOf(webhook, options.variables);
      return url === undefined ? [] : [{ url: new Secret(url) }];
    }),
  };
}

// Every address that is known now. A variable that is not set is no problem until it is needed.
function readAddresses(
  order: readonly [string, CheckedEnvironment][],
  from: { file: string | undefined; variables: NodeJS.ProcessEnv },
): Map<string, Address> {
  const addresses = new Map<string, Address>();
  const problems: string[] = [];
  for (const [name, { url }] of order) {
    try {
      const address = textOf(url, from.variables);
      if (address !== undefined) addresses.set(name, Address.parse(address));
    } catch (error) {
      problems.push(`environments.${name}.url: ${messageOf(error)}`);
    }
  }
  if (problems.length > 0) throw invalid(from.file, problems);
  return addresses;
}

function textOf(value: Text | undefined, variables: NodeJS.ProcessEnv): string | undefined {
  const found = typeof value === 'object' ? variables[value.env] : value;
  return found === '' ? undefined : found;
}

// Environments in the order in which a migration goes through them.
function promotionOrder(
  environments: Record<string, CheckedEnvironment>,
  file: string | undefined,
): [string, CheckedEnvironment][] {
  const names = Object.keys(environments);
  const problems = names.flatMap((name) => {
    const after = environments[name]?.after;
    return after === undefined || Object.hasOwn(environments, after)
      ? []
      : [`environments.${name}.after: there is no environment ${after}`];
  });
  if (names.length === 0) problems.push('environments: names no environment');
  if (problems.length > 0) throw invalid(file, problems);
  const ordered: [string, CheckedEnvironment][] = [];
  let waiting = Object.entries(environments);
  while (waiting.length > 0) {
    const ready = waiting.filter(
      ([, { after }]) => after === undefined || ordered.some(([done]) => done === after),
    );
    if (ready.length === 0) {
      const circle = waiting.map(([name]) => name).join(', ');
      throw invalid(file, [`environments: ${circle} wait for each other in a circle of "after"`]);
    }
    ordered.push(...ready);
    waiting = waiting.filter((entry) => !ready.includes(entry));
  }
  return ordered;
}

function invalid(file: string | undefined, problems: readonly string[]): Failure {
  return new Failure({
    code: 'config/invalid',
    message: `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}: ${problems.join('; ')}`,
    hint: `Correct ${file ?? 'the configuration'}, then type the same command again.`,
    details: { file: file ?? null, problems },
  });
}

function milliseconds(checked: string): number {
  return parseDuration(checked) ?? 0;
}

function absolute(root: string, path: string): string {
  return isAbsolute(path) ? path : resolve(root, path);
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
