// The untrusted configuration: what a file may say, checked at once, all problems told together.

import { resolve } from 'node:path';
import * as z from 'zod';
import { parseDuration } from '../core/duration.ts';
import { Failure } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import { engineSchema } from './backup-engine.ts';
import { backupsPlace, backupsSchema } from './backups-place.ts';
import { changeHours, changeHoursSchema } from './change-hours.ts';
import type { Config, CopyServerPlace, Environment } from './environment.ts';
import type { Text } from './input.ts';
import { monitorSchema } from './monitor.ts';
import { referenceProblems } from './references.ts';
import { rescueSchema } from './rescue.ts';
import { addressFrom, secretOf, text } from './variables.ts';

const duration = z
  .string()
  .refine((value) => parseDuration(value) !== undefined, 'is not a duration such as 24h or 30d');

const environmentSchema = z.strictObject({
  url: text.optional(),
  after: z.string().optional(),
  guarded: z.boolean().optional(),
  confirm: z.enum(['never', 'once', 'twice']).optional(),
  outOfOrder: z.enum(['refuse', 'warn', 'allow']).optional(),
  drift: z.enum(['refuse', 'warn']).optional(),
  soak: duration.optional(),
  soakGap: duration.optional(),
  ...changeHoursSchema,
  approvals: z
    .strictObject({
      count: z.int().min(1, 'is not a number of people'),
      allowedSigners: z.string().min(1).optional(),
    })
    .optional(),
  evidence: z.strictObject({ allowedSigners: z.string().min(1) }).optional(),
  neverWaive: z.array(z.string()).optional(),
  drill: duration.optional(),
  backups: z
    .strictObject({
      keep: duration.optional(),
      hash: z.enum(['small', 'all']).optional(),
      engine: engineSchema.optional(),
    })
    .optional(),
  monitor: monitorSchema,
  undo: z.boolean().optional(),
  rescue: rescueSchema,
  pgbouncer: z.union([text, z.array(text)]).optional(),
  apply: z
    .strictObject({
      lockPatience: duration.optional(),
      maxWaiting: z.int().positive().optional(),
      statementLimit: duration.optional(),
      concurrentPatience: duration.optional(),
      endIdleAfter: duration.optional(),
    })
    .optional(),
  budget: z.strictObject({ blocksFor: duration.optional() }).optional(),
  deploy: z.string().min(1).optional(),
  deployLimit: duration.optional(),
  health: z.url({ protocol: /^https?$/, error: 'is not an http address' }).optional(),
  notify: z
    .array(
      z.strictObject({
        webhook: text,
        kind: z.enum(['json', 'slack', 'teams', 'discord']).optional(),
        secret: text.optional(),
      }),
    )
    .optional(),
});

const rehearsalSchema = z.strictObject({
  queries: z.string().min(1).optional(),
  command: z.string().min(1).optional(),
});

const sandboxSchema = z.strictObject({
  server: text.optional(),
  mask: z.string().min(1).optional(),
  clone: z.strictObject({ create: z.string().min(1), drop: z.string().min(1) }).optional(),
});

const configSchema = z.strictObject({
  migrations: z.string().min(1).default('migrations'),
  backups: backupsSchema,
  rehearsal: rehearsalSchema.default({}),
  sandbox: sandboxSchema.default({}),
  environments: z
    .record(
      z
        .string()
        .regex(/^[a-z][a-z0-9_-]{0,40}$/, 'is not a name of lower-case letters, digits and dashes'),
      environmentSchema,
    )
    .refine((named) => Object.keys(named).length > 0, 'names no environment'),
});

// A promotion looks for longer than cron's minute: a shorter gap would close the gate meanwhile.
const shortestSoakGapMs = 5 * 60_000;

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
  const issues = result.error?.issues ?? [];
  const problems = [
    ...issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${inWords(message)}`),
    ...referenceProblems(input, from.variables),
  ];
  if (!result.success || problems.length > 0)
    throw invalid(from.file, problems.map(withoutPasswords));
  const { migrations, backups, rehearsal, sandbox, environments } = result.data;
  const order = promotionOrder(environments, from.file);
  const last = order.at(-1);
  return {
    root: from.root,
    file: from.file,
    migrations: resolve(from.root, migrations),
    ...backupsPlace(backups, from),
    rehearsal,
    sandbox: { ...sandbox, server: copyServer(sandbox.server, from.variables) },
    environments: order.map(([name, checked]) =>
      trusted(name, checked, {
        root: from.root,
        variables: from.variables,
        address: addressFrom(checked.url, from.variables),
        guardedByDefault: name === last?.[0] && order.length > 1,
      }),
    ),
  };
}

// As the checker puts what is not there at all.
function inWords(message: string): string {
  return message.replace(/^Invalid input: (expected .+), received undefined$/, 'is missing ($1)');
}

// An address may stand where something else is wanted, and is told in the problem with that.
function withoutPasswords(problem: string): string {
  return problem.replaceAll(/(\/\/[^\s:@/]*:)[^\s@]*@/g, '$1********@');
}

function trusted(
  name: string,
  checked: CheckedEnvironment,
  options: {
    root: string;
    variables: NodeJS.ProcessEnv;
    address: Address | undefined;
    guardedByDefault: boolean;
  },
): Environment {
  const guarded = checked.guarded ?? options.guardedByDefault;
  const soakMs = milliseconds(checked.soak ?? (checked.after === undefined ? '0s' : '24h'));
  return {
    name,
    address: options.address,
    addressVariable: typeof checked.url === 'object' ? checked.url.env : undefined,
    after: checked.after,
    guarded,
    confirm: checked.confirm ?? (guarded ? 'twice' : 'never'),
    outOfOrder: checked.outOfOrder ?? 'refuse',
    // Where people try things by hand (ADR 0011).
    drift: checked.drift ?? (checked.after === undefined && !guarded ? 'warn' : 'refuse'),
    soakMs,
    soakGapMs: optionalMs(checked.soakGap) ?? Math.max(soakMs / 8, shortestSoakGapMs),
    hours: changeHours(checked),
    approvals: {
      count: checked.approvals?.count ?? 0,
      allowedSigners: absolute(checked.approvals?.allowedSigners, options.root),
    },
    evidenceSigners: absolute(checked.evidence?.allowedSigners, options.root),
    neverWaive: checked.neverWaive ?? [],
    drillWithinMs: optionalMs(checked.drill),
    keepBackupsMs: milliseconds(checked.backups?.keep ?? '30d'),
    hashBackups: checked.backups?.hash ?? 'small',
    backupEngine: checked.backups?.engine,
    monitor: checked.monitor,
    undo: checked.undo ?? false,
    rescue: checked.rescue,
    pools: [checked.pgbouncer ?? []]
      .flat()
      .flatMap((console) => addressFrom(console, options.variables) ?? []),
    apply: {
      lockPatienceMs: optionalMs(checked.apply?.lockPatience),
      maxWaiting: checked.apply?.maxWaiting,
      statementLimitMs: optionalMs(checked.apply?.statementLimit),
      concurrentPatienceMs: optionalMs(checked.apply?.concurrentPatience),
      endIdleAfterMs: optionalMs(checked.apply?.endIdleAfter),
    },
    blocksForMs: milliseconds(checked.budget?.blocksFor ?? '500ms'),
    deploy: checked.deploy,
    deployLimitMs: milliseconds(checked.deployLimit ?? '30m'),
    health: checked.health,
    notify: (checked.notify ?? []).flatMap(({ webhook, kind, secret }) => {
      const url = secretOf(webhook, options.variables);
      return url === undefined ? [] : [{ url, kind, secret: secretOf(secret, options.variables) }];
    }),
  };
}

function copyServer(
  server: Text | undefined,
  variables: NodeJS.ProcessEnv,
): CopyServerPlace | undefined {
  if (server === undefined) return undefined;
  const variable = typeof server === 'object' ? server.env : undefined;
  return { address: addressFrom(server, variables), variable };
}

// Environments in the order in which a migration goes through them.
function promotionOrder(
  environments: Record<string, CheckedEnvironment>,
  file: string | undefined,
): [string, CheckedEnvironment][] {
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

function absolute(path: string | undefined, root: string): string | undefined {
  return path === undefined ? undefined : resolve(root, path);
}

function milliseconds(checked: string): number {
  return parseDuration(checked) ?? 0;
}

function optionalMs(checked: string | undefined): number | undefined {
  return checked === undefined ? undefined : parseDuration(checked);
}
