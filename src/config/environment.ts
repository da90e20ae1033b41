// The trusted configuration: what is left after everything in it was checked. All durations are
// milliseconds, all paths are absolute, environments stand in their order of promotion.

import type { Address } from '../postgres/address.ts';
import type { MonitorRules } from './monitor.ts';
import type { RescueRules } from './rescue.ts';
import type { StoreAddress } from './store-address.ts';

/** A secret text: printing it, in any way, shows asterisks. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one place that needs it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '********';
  }

  toJSON(): string {
    return '********';
  }
}

/** A day of the week, in the short English form. */
export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

/** Hours in which an environment may be changed, local to a time zone. */
export interface Window {
  /** The days on which it begins. */
  readonly days: readonly Weekday[];
  /** `HH:MM`, inclusive. */
  readonly from: string;
  /** `HH:MM`, exclusive; earlier than `from` when the window crosses midnight. */
  readonly to: string;
  /** IANA name, such as `America/New_York`. */
  readonly timeZone: string;
}

/** Days on which an environment may not be changed, whatever its windows say. */
export interface Blackout {
  /** `YYYY-MM-DD`, the first day. */
  readonly from: string;
  /** `YYYY-MM-DD`, the last day. */
  readonly to: string;
  readonly timeZone: string;
  readonly reason: string | undefined;
}

/** When an environment may be changed. */
export interface ChangeHours {
  /** At least one of them must be open; none: always. */
  readonly windows: readonly Window[];
  readonly blackouts: readonly Blackout[];
}

/** Whose word a change needs beside that of the person who makes it. */
export interface Approvals {
  /** How many others; 0: none. */
  readonly count: number;
  /**
   * Absolute path of a file of ssh's allowed signers: only their signatures count. Without it, the
   * role of an approver's session on the server counts.
   */
  readonly allowedSigners: string | undefined;
}

/** Where people are told about a change. */
export interface Webhook {
  readonly url: Secret;
  /** Shape of the messages; undefined: by the host of the address. */
  readonly kind?: WebhookKind | undefined;
  /** Signs every message, in the layout of Standard Webhooks. */
  readonly secret?: Secret | undefined;
}

/** Whose shape a message has. */
export type WebhookKind = 'json' | 'slack' | 'teams' | 'discord';

/** How many questions an apply asks. */
export type Confirmation = 'never' | 'once' | 'twice';

/** What is done about a pending migration that is older than one in force. */
export type OutOfOrder = 'refuse' | 'warn' | 'allow';

/** A named database and its rules. */
export interface Environment {
  readonly name: string;
  /** Where the database is; undefined when its variable is not set (told when it is needed). */
  readonly address: Address | undefined;
  /** The variable that should hold the address, for the message when it does not. */
  readonly addressVariable: string | undefined;
  /** The environment that a migration must have been through before this one. */
  readonly after: string | undefined;
  /** A guarded environment is changed only through gates, backup, proof and rehearsal. */
  readonly guarded: boolean;
  readonly confirm: Confirmation;
  readonly outOfOrder: OutOfOrder;
  /** What an apply does about a schema that was changed by hand since the last one. */
  readonly drift: 'refuse' | 'warn';
  /** How long a migration must have been in the environment before. */
  readonly soakMs: number;
  /** The longest time in which nobody may have looked at the environment before while it soaked. */
  readonly soakGapMs: number;
  readonly hours: ChangeHours;
  readonly approvals: Approvals;
  /** Absolute path of a file of ssh's allowed signers, whose evidence of earlier environments counts here. */
  readonly evidenceSigners: string | undefined;
  /** Gates that nobody may waive. */
  readonly neverWaive: readonly string[];
  /** How old the newest drill in the environment before may be; undefined: none is wanted. */
  readonly drillWithinMs: number | undefined;
  readonly keepBackupsMs: number;
  /** Whether a backup hashes the rows of every table, or of the small ones. */
  readonly hashBackups: 'small' | 'all';
  /** Another program that takes backups of the whole server. */
  readonly backupEngine: BackupEngine | undefined;
  readonly monitor: MonitorRules;
  /** Whether an apply keeps what it would destroy, so that `drydock undo` can take it back. */
  readonly undo: boolean;
  readonly rescue: RescueRules;
  /** Consoles of the pgbouncers before the database, which are paused while a restore swaps it. */
  readonly pools: readonly Address[];
  /** How much an apply may ask of the others; undefined: as apply/step-run.ts says. */
  readonly apply: {
    readonly lockPatienceMs?: number | undefined;
    readonly maxWaiting?: number | undefined;
    readonly statementLimitMs?: number | undefined;
    readonly concurrentPatienceMs?: number | undefined;
    readonly endIdleAfterMs?: number | undefined;
  };
  /** The longest time for which a lock of a migration may keep readers or writers waiting. */
  readonly blocksForMs: number;
  /** Shell command that brings a release of the application to this environment. */
  readonly deploy: string | undefined;
  /** How long that may take. */
  readonly deployLimitMs: number;
  /** Address that answers with 200 while the application is healthy. */
  readonly health: string | undefined;
  readonly notify: readonly Webhook[];
}

/** A program that takes backups of whole servers: one of the two. */
export interface BackupEngine {
  /** Its stanza, its configuration file, and what a backup is based on. */
  readonly pgbackrest?:
    | {
        readonly stanza: string;
        readonly config?: string | undefined;
        readonly type?: 'full' | 'diff' | 'incr' | undefined;
      }
    | undefined;
  /** Shell commands: see docs/backups.md for what they print. */
  readonly command?:
    | {
        readonly backup: string;
        readonly list: string;
        readonly copy: string;
        readonly drop: string;
      }
    | undefined;
}

/** Where backups are kept beside the folder in which they are taken. */
export interface BackupStore {
  readonly address: StoreAddress;
  /** Public keys for which backups are encrypted there; none: not encrypted. */
  readonly encryptTo: readonly string[];
  /** File of the private key for restores. */
  readonly identityFile: string | undefined;
  /** The keys of an S3-compatible service, by the names of their variables. */
  readonly keys: Readonly<Record<string, Secret>>;
}

/** What a rehearsal looks at beside the plan. */
export interface RehearsalRules {
  /** A file of the application's statements: SQL, or a PostgreSQL log. */
  readonly queries?: string | undefined;
  /** Shell command that runs against the copy, with its address in DATABASE_URL. */
  readonly command?: string | undefined;
}

/** Where copies are made, and what is done with them. */
export interface SandboxRules {
  /** The server on which they are made; undefined: a throw-away one of this machine. */
  readonly server: CopyServerPlace | undefined;
  /** File of SQL that runs on a copy first, from the folder of the configuration. */
  readonly mask?: string | undefined;
  /** Shell commands that make and drop a clone of an environment. */
  readonly clone?: { readonly create: string; readonly drop: string } | undefined;
}

/** A server for copies. */
export interface CopyServerPlace {
  /** A database of it in which nothing is made; undefined when its variable is not set. */
  readonly address: Address | undefined;
  /** The variable that should hold the address. */
  readonly variable: string | undefined;
}

/** Everything that Drydock was told about a project. */
export interface Config {
  /** Folder of the configuration file (or the working folder without one). */
  readonly root: string;
  /** The file, or undefined when variables and defaults were enough. */
  readonly file: string | undefined;
  readonly migrations: string;
  /** Folder in which backups are taken; each environment has one in it. */
  readonly backups: string;
  /** Where backups are kept beside that folder. */
  readonly store: BackupStore | undefined;
  readonly rehearsal: RehearsalRules;
  readonly sandbox: SandboxRules;
  readonly environments: readonly Environment[];
}
