import { renderProof } from '../render/backups.ts';
import { renderEngineProof } from '../render/engines.ts';
import { type Verb, verb } from '../verb.ts';
import { backupArgument, engineFlag, environmentArgument } from './arguments.ts';

export const prove: Verb = verb<{ readonly engine?: boolean; readonly thorough?: boolean }>({
  name: 'prove',
  brief: 'Prove a backup: restore it into a throw-away server and compare',
  description:
    'Checks the digest of the file, restores it into a throw-away server of the same major version, and compares the row count of every table, the rows themselves where the backup hashed them, the sequences, the extensions and the schema with the manifest. The proof and the measured restore time are written into the manifest. Exit 6 when anything differs.',
  args: [environmentArgument, backupArgument],
  flags: {
    engine: engineFlag,
    thorough: {
      kind: 'switch',
      brief: 'Examine every page of the tables and indexes of the copy',
    },
  },
  run: async ({ project, flags }, environment = '', wanted) => {
    if (flags.engine === true) {
      const { proveEngineBackup } = await import('../../process/engines.ts');
      const proof = await proveEngineBackup(await project(), { environment, backup: wanted });
      return { data: proof, text: renderEngineProof(proof) };
    }
    const { proveBackup } = await import('../../process/backing-up.ts');
    const proven = await proveBackup(await project(), {
      environment,
      backup: wanted,
      thorough: flags.thorough === true,
    });
    return { data: proven, text: renderProof(proven) };
  },
});
