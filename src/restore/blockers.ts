// What stands in the way of a swap and goes away by nothing that Drydock may do.

import { Failure } from '../core/failure.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/address.ts';
import type { RestoreIntent } from './intent.ts';

// Renaming a database fails while one is open (dbcommands.c, RenameDatabase), and nothing but its
// owner's COMMIT PREPARED or ROLLBACK PREPARED ends it.
export async function refusePreparedTransactions(options: RestoreIntent): Promise<void> {
  const prepared = await options.maintenance.query<{ gid: string }>(
    'SELECT gid FROM pg_prepared_xacts WHERE database = $1 ORDER BY prepared',
    [options.database],
  );
  const [first] = prepared;
  if (first === undefined) return;
  throw new Failure({
    code: 'restore/prepared-transactions',
    message: `${options.database} has prepared transactions: ${prepared.map(({ gid }) => gid).join(', ')}`,
    hint: `End each of them in ${options.database}, with COMMIT PREPARED ${quoteLiteral(first.gid)}; or ROLLBACK PREPARED, then type the same command again.`,
  });
}

// A slot belongs to a database and not to its name: after the swap its reader would go on with the
// broken database and never see a row again.
export async function refuseActiveSlots(options: RestoreIntent): Promise<void> {
  const slots = await options.maintenance.query<{ name: string }>(
    `SELECT slot_name AS name FROM pg_replication_slots WHERE database = $1 AND active ORDER BY 1`,
    [options.database],
  );
  if (slots.length === 0) return;
  throw new Failure({
    code: 'restore/active-slots',
    message: `replication slots of ${options.database} are in use: ${slots.map(({ name }) => name).join(', ')}`,
    hint: 'Stop their readers and plan to start them anew on the restored database, then type the same command again.',
  });
}

// A subscription belongs to a database and not to its name too: after the swap it would stand still
// in the broken database, while the other side keeps its log for it until the disk is full.
export async function refuseActiveSubscriptions(options: RestoreIntent): Promise<void> {
  const active = await options.maintenance.query<{ name: string }>(
    `SELECT subname AS name FROM pg_subscription JOIN pg_database d ON d.oid = subdbid
      WHERE datname = $1 AND subenabled ORDER BY 1`,
    [options.database],
  );
  const [first] = active;
  if (first === undefined) return;
  throw new Failure({
    code: 'restore/active-subscriptions',
    message: `subscriptions of ${options.database} are enabled: ${active.map(({ name }) => name).join(', ')}`,
    hint: `Disable each of them in ${options.database} with ALTER SUBSCRIPTION ${quoteIdentifier(first.name)} DISABLE; and plan to make it anew on the restored database.`,
  });
}

// Sessions of superusers are ended by superusers alone, those of other roles by their members and by
// pg_signal_backend (manual, 9.27.2); and a database with a session is not renamed.
export async function refuseLastingSessions(options: RestoreIntent): Promise<void> {
  const lasting = await options.maintenance.query<{
    pid: number;
    user: string;
    program: string;
    superuser: boolean;
    me: string;
  }>(
    `SELECT pid, a.usename AS user, application_name AS program, r.rolsuper AS superuser, me.rolname AS me
       FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid, pg_roles me
      WHERE datname = $1 AND me.rolname = current_user AND NOT me.rolsuper
        AND (r.rolsuper OR NOT (pg_has_role(r.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))
      ORDER BY pid`,
    [options.database],
  );
  const [first] = lasting;
  if (first === undefined) return;
  const who = lasting.map(({ pid, user, program }) => `${pid} of ${user} (${program})`).join(', ');
  const grant = lasting.some(({ superuser }) => !superuser)
    ? ` or let a superuser say once: GRANT pg_signal_backend TO ${quoteIdentifier(first.me)};`
    : '';
  throw new Failure({
    code: 'restore/lasting-sessions',
    message: `${first.me} may not end sessions that ${options.database} has: server process ${who}`,
    hint: `End them, or restore as a superuser,${grant} then type the same command again.`,
    details: { sessions: lasting.map(({ pid, user, program }) => ({ pid, user, program })) },
  });
}
