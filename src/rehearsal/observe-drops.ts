// An event trigger on the copy that tells what goes with a dropped object: what CASCADE takes, and the
// indexes and constraints of a dropped column.

import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { dropMark } from './observe-notices.ts';

// Objects that are a part of the one that the statement names (the columns of a table, its row type)
// are no news. `normal` marks those that only CASCADE takes (manual, 9.30.2).
const install = `
  CREATE SCHEMA drydock_rehearsal;
  CREATE FUNCTION drydock_rehearsal.tell_drops() RETURNS event_trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
  DECLARE gone json;
  BEGIN
    SELECT json_agg(object_type || ' ' || object_identity) INTO gone
      FROM pg_event_trigger_dropped_objects()
     WHERE NOT original AND NOT is_temporary
       AND (normal AND object_type NOT IN ('type', 'default value', 'rule', 'toast table')
            OR object_type IN ('index', 'table constraint')
               AND EXISTS (SELECT FROM pg_event_trigger_dropped_objects()
                            WHERE original AND object_type = 'table column'));
    IF gone IS NOT NULL THEN RAISE DEBUG '${dropMark}%', gone; END IF;
  END $$;
  CREATE EVENT TRIGGER drydock_rehearsal_drops ON sql_drop
    EXECUTE FUNCTION drydock_rehearsal.tell_drops();`;

const remove = `
  DROP EVENT TRIGGER IF EXISTS drydock_rehearsal_drops;
  DROP SCHEMA IF EXISTS drydock_rehearsal CASCADE;`;

/**
 * Has the copy tell what goes with dropped objects, until the returned function is called. Only a
 * superuser may have an event trigger (manual, CREATE EVENT TRIGGER): without that power nothing is
 * told.
 */
export async function watchDrops(copy: Address): Promise<() => Promise<void>> {
  await using database = await connect(copy, { purpose: 'rehearsal' });
  if (!(await isSuperuser(database))) return async () => {};
  await database.execute(`${remove}${install}`);
  return async () => {
    await using again = await connect(copy, { purpose: 'rehearsal' });
    await again.execute(remove);
  };
}

/** True for a session of a superuser, which may watch more than others. */
export async function isSuperuser(database: Database): Promise<boolean> {
  const { superuser } = await database.one<{ superuser: boolean }>(
    'SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user',
  );
  return superuser;
}
