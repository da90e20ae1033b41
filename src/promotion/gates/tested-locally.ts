// "Tested locally": the same migrations are in force in the first environment.

import { closed, type Gate, open } from '../gate.ts';
import { missingFrom } from '../migrations-in-force.ts';

export const testedLocally: Gate = {
  id: 'tested-locally',
  title: 'Tested locally',
  judge: ({ environment, local, before, migrations }) => {
    if (local === null) {
      return environment.after === undefined
        ? open('there is no environment before this one')
        : closed('the local database could not be read', 'drydock apply dev');
    }
    const missing = missingFrom(local.ledger, migrations);
    if (missing.length === 0) return open(`in force in ${local.name} with the same content`);
    // Run by hand with psql, as the runbook does: then the ledger of dev does not know, but its schema
    // shows it. Equal fingerprints are equal schemas, object by object.
    const inForceBefore = before !== null && missingFrom(before.ledger, migrations).length === 0;
    if (inForceBefore && before.fingerprint === local.fingerprint) {
      return open(`${local.name} has the same schema as ${before.name}, where they are in force`);
    }
    return closed(
      `not in force in ${local.name}: ${missing.join(', ')}`,
      `drydock apply ${local.name}`,
    );
  },
};
