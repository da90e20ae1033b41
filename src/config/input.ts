// What a configuration file may say, for the people who write one.

import type { BackupsInput } from './backups-place.ts';
import type { BackupEngine, OutOfOrder, WebhookKind, Weekday } from './environment.ts';
import type { MonitorInput } from './monitor.ts';
import type { RescueInput } from './rescue.ts';

/** A value that is read from an environment variable when it is needed; made by {@link env}. */
export interface EnvReference {
  readonly env: string;
}

/** Names an environment variable in a configuration: its value never stands in the file. */
export function env(name: string): EnvReference {
  return { env: name };
}

/** A text, or the variable that holds it. */
export type Text = string | EnvReference;

/** Local hours, on every day or on some: `{ days: ['tue', 'thu'], from: '02:00', to: '04:00', timeZone }`. */
export interface WindowInput {
  days?: Weekday[];
  from: string;
  to: string;
  timeZone: string;
}

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
  /** What an apply does about a pending migration that is older than one in force. Default: `refuse`. */
  outOfOrder?: OutOfOrder;
  /** About a schema that was changed by hand. Default: `warn` in an unguarded first environment, else `refuse`. */
  drift?: 'refuse' | 'warn';
  /** How long a migration must have been in the environment before, such as `24h` (the default). */
  soak?: string;
  /** The longest time without a health sample in the environment before. Default: an eighth of `soak`, at least `5m`. */
  soakGap?: string;
  /** Hours in which the environment may be changed. Default: always. */
  window?: WindowInput | WindowInput[];
  /** Days on which it may not be changed, whatever the windows say. Default: none. */
  blackouts?: { from: string; to?: string; timeZone: string; reason?: string }[];
  /** How many other people must approve a plan, and the file of ssh's allowed signers that says who. */
  approvals?: { count: number; allowedSigners?: string };
  /** Whose signed evidence of the environments before counts, where these cannot be reached: a file of ssh's allowed signers. */
  evidence?: { allowedSigners: string };
  /** Gates that nobody may waive, such as `soaked`. Default: every gate may be waived. */
  neverWaive?: string[];
  /** How old the newest `drydock drill` in the environment before may be, such as `30d`. Default: none is wanted. */
  drill?: string;
  /** How long backups are kept (30 days), whether they hash the rows of all tables, and another program for large servers. */
  backups?: { keep?: string; hash?: 'small' | 'all'; engine?: BackupEngine };
  /** How long the environment is watched after a change (24 hours), or how: see docs/monitor.md. */
  monitor?: string | MonitorInput;
  /** Keeps what an apply would destroy, so that `drydock undo` can take it back: see docs/undo.md. Default: `false`. */
  undo?: boolean;
  /** Arms a rescue with each apply, its copy built at once or when it is wanted: see docs/rescue.md. Default: `off`. */
  rescue?: 'off' | 'warm' | 'cold' | RescueInput;
  /**
   * Consoles of the pgbouncers before the database, each as `postgresql://admin@host:6432/pgbouncer`: paused
   * while a restore or a rescue swaps the database, so that no application sees it.
   */
  pgbouncer?: Text | Text[];
  /** How much an apply may ask of the others: see docs/apply.md. */
  apply?: {
    /** How long a transaction goes on trying to get its locks. Default: `60s`. */
    lockPatience?: string;
    /** So many sessions waiting behind the migration make it give up its place. Default: 20. */
    maxWaiting?: number;
    /** The longest that one statement may take. Default: `12h`. */
    statementLimit?: string;
    /** The longest that CONCURRENTLY waits for the transactions of others. Default: `30m`. */
    concurrentPatience?: string;
    /** Ends sessions that are idle in a transaction for so long and in the way. Default: never. */
    endIdleAfter?: string;
  };
  /** The longest that a lock may keep readers or writers waiting, as a rehearsal forecasts it. Default: `500ms`. */
  budget?: { blocksFor?: string };
  /** Shell command that brings a release of the application to this environment. */
  deploy?: string;
  /** How long that may take before it is ended. Default: `30m`. */
  deployLimit?: string;
  /** Address that answers 200 while the application is healthy. */
  health?: string;
  /** Who is told before and after a change. */
  notify?: { webhook: Text; kind?: WebhookKind; secret?: Text }[];
}

/** What a configuration file may say. */
export interface ConfigInput {
  /** Folder of the migrations. Default: `migrations`. */
  migrations?: string;
  /** Folder of the backups, or where they are kept beside it. Default: `backups`. */
  backups?: BackupsInput;
  /**
   * What a rehearsal looks at beside the plan: a file of the application's statements, and a command
   * that runs against the copy with its address in DATABASE_URL, such as the tests of the release that
   * runs now.
   */
  rehearsal?: { queries?: string; command?: string };
  /**
   * Where copies are made (`server`: the address of a server in place of a throw-away one), and what is
   * done with them: SQL that masks those of rehearsals first, commands for clones.
   */
  sandbox?: { server?: Text; mask?: string; clone?: { create: string; drop: string } };
  environments: Record<string, EnvironmentInput>;
}

/** Gives a configuration its type; returns it unchanged. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
