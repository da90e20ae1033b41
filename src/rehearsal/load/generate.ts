// Sends a load: so many sessions, so many scripts a second, each at the moment when it is due. A session
// that waits for a lock does not make the others late: what comes in the meantime goes to the next free
// one, and its time counts from when it was due, as it would for a user.

import { messageOf } from '../../core/failure.ts';
import type { Address } from '../../postgres/address.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { type Command, chooseScript, type Script } from './workload.ts';

/** What is sent, and how much of it. */
export interface Load {
  readonly scripts: readonly Script[];
  readonly connections: number;
  readonly perSecond: number;
}

/** One script that ran. */
export interface Sent {
  /** On the clock of performance.now(). */
  readonly dueAt: number;
  readonly ms: number;
  /** The server's words when it failed. */
  readonly failure: string | null;
}

/** A load that runs until it is stopped. */
export interface RunningLoad {
  /** Ends it when everything that was due is answered. */
  stop(): Promise<readonly Sent[]>;
}

/** Starts a load against a database. */
export async function startLoad(address: Address, load: Load): Promise<RunningLoad> {
  const sessions = await Promise.all(
    Array.from({ length: load.connections }, () => connect(address, { purpose: 'load' })),
  );
  const sent: Sent[] = [];
  const startedAt = performance.now();
  let taken = 0;
  let stoppedAt = Number.POSITIVE_INFINITY;
  const work = async (session: Database): Promise<void> => {
    for (;;) {
      const dueAt = startedAt + (taken * 1_000) / load.perSecond;
      taken += 1;
      await until(dueAt, () => stoppedAt);
      if (dueAt > stoppedAt) return;
      const failure = await runScript(session, load.scripts);
      sent.push({ dueAt, ms: performance.now() - dueAt, failure });
    }
  };
  const working = Promise.all(sessions.map(work));
  return {
    stop: async () => {
      stoppedAt = performance.now();
      await working;
      await Promise.all(sessions.map((session) => session.close()));
      return sent;
    },
  };
}

// In short naps, so that nobody sleeps through the end.
async function until(moment: number, stoppedAt: () => number): Promise<void> {
  for (;;) {
    const left = moment - performance.now();
    if (left <= 0 || moment > stoppedAt()) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, 50)));
  }
}

async function runScript(session: Database, scripts: readonly Script[]): Promise<string | null> {
  const script = chooseScript(scripts, Math.random());
  if (script === undefined) return null;
  const variables = new Map<string, number>();
  try {
    if (script.readOnly) await session.execute('BEGIN READ ONLY');
    for (const command of script.commands) await runCommand(session, command, variables);
    if (script.readOnly) await session.execute('COMMIT');
    return null;
  } catch (failure) {
    await session.execute('ROLLBACK').catch(() => {});
    return messageOf(failure);
  }
}

async function runCommand(
  session: Database,
  command: Command,
  variables: Map<string, number>,
): Promise<void> {
  if ('set' in command) {
    variables.set(command.set, command.to(variables, Math.random));
  } else if ('sql' in command) {
    const { sql, names } = command;
    const values = names.map((name) => String(variables.get(name) ?? 0));
    await session.execute(sql.map((part, at) => `${part}${values[at] ?? ''}`).join(''));
  } else {
    const { prepared, parameters } = command;
    await session.query(prepared, parameters[Math.floor(Math.random() * parameters.length)] ?? []);
  }
}
