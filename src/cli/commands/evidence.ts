import { resolve } from 'node:path';
import { buildRouteMap, type CommandContext, type RouteMap } from '@stricli/core';
import { Failure } from '../../core/failure.ts';
import type { EvidenceReport } from '../../process/soak-evidence.ts';
import { plural, wrapLines } from '../render/text.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

const exported: Verb = verb<{ readonly output?: string; readonly key?: string }>({
  name: 'evidence export',
  brief: 'Write what an environment showed into a signed file',
  description:
    'Writes the ledger with its checksums, the fingerprint of the schema, the health samples and the newest drill of an environment into a new file, signed with your ssh key: for a machine that reaches the next environment and cannot reach this one. Reads only.',
  args: [environmentArgument],
  flags: {
    output: { kind: 'text', placeholder: 'file', brief: 'The new file', letter: 'o' },
    key: { kind: 'text', placeholder: 'file', brief: 'Sign with this ssh key' },
  },
  run: async ({ project, flags, cwd }, environment = '') => {
    const { exportEvidence } = await import('../../process/soak-evidence.ts');
    const { output, key } = flags;
    if (output === undefined || key === undefined) throw incomplete(environment);
    const [file, keyFile] = [resolve(cwd, output), resolve(cwd, key)];
    const report = await exportEvidence(await project(), { environment, file, keyFile });
    return { data: report, text: textOf(report) };
  },
});

const imported: Verb = verb({
  name: 'evidence import',
  brief: 'Let a signed file of evidence count for a later environment',
  description:
    'Looks whether the file is as it was signed, by one of the keys that the configuration names (environments.ENV.evidence.allowedSigners), at most a day old, and about the migrations that are pending; then keeps it in the journal of the environment that it is for. The gates use it where the earlier environment cannot be read, and look at all this anew. Exit 5 when it is refused.',
  args: [
    { placeholder: 'file', brief: 'What `drydock evidence export` wrote' },
    {
      ...environmentArgument,
      brief: 'For which environment (default: the guarded one)',
      optional: true,
    },
  ],
  run: async ({ project, cwd }, file = '', into) => {
    const { importEvidence } = await import('../../process/soak-evidence.ts');
    const report = await importEvidence(await project(), { file: resolve(cwd, file), into });
    return { data: report, text: textOf(report) };
  },
});

/** `drydock evidence …` */
export const evidence: RouteMap<CommandContext> = buildRouteMap({
  routes: { export: exported, import: imported },
  docs: { brief: 'What an environment showed, as a signed file for another machine' },
});

function textOf({ environment, migrations, samples, file, signer, into }: EvidenceReport): string {
  const what = `${plural(migrations, 'migration')} in force and ${plural(samples, 'health sample')} of ${environment}`;
  return wrapLines(
    into === null
      ? [
          `${what} are in ${file}, signed.`,
          'It counts for a day. On the other machine: drydock evidence import FILE',
        ]
      : [
          `${what}, signed by ${signer}, count for ${into} now.`,
          `See the gates: drydock preflight ${into}`,
        ],
  );
}

function incomplete(environment: string): Failure {
  return new Failure({
    code: 'usage/bad-arguments',
    message: 'a file to write and a key to sign with are wanted',
    hint: `Give both: drydock evidence export ${environment} -o evidence.json --key ~/.ssh/id_ed25519`,
  });
}
