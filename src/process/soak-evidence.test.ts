import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestProject, testProject } from '../../test/project.ts';
import { canonicalJson, sha256 } from '../core/digest.ts';
import { runOrFail } from '../core/process.ts';
import { Address } from '../postgres/address.ts';
import { connect } from '../postgres/connect.ts';
import type { JudgedGate } from '../promotion/gate.ts';
import { applyChange } from '../safe-change.ts';
import { preflightChange } from './preflight.ts';
import type { Project } from './project.ts';
import { exportEvidence, importEvidence } from './soak-evidence.ts';

const hourMs = 3_600_000;
const answers = { plan: async () => true, final: async () => true };

let project: TestProject;
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drydock-evidence-'));
  file = join(folder, 'staging.json');
  for (const name of ['ana', 'eve']) {
    const how = ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)];
    await runOrFail('ssh-keygen', how);
  }
  const key = await readFile(join(folder, 'ana.pub'), 'utf8');
  await writeFile(join(folder, 'signers'), `ana@example.org ${key}`);
  const allowedSigners = join(folder, 'signers');
  project = await testProject({
    staging: { guarded: false },
    production: { after: 'staging', guarded: true, evidence: { allowedSigners } },
  });
  project.write('001_a', '-- A table.\nCREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY);\n');
  await applyChange(project, { environment: 'staging', answers, waivers: [] });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** The project so many hours later. */
function later(hours: number): Project {
  const now = (): Date => new Date(Date.now() + hours * hourMs);
  const clock = { ...project.context.clock, now, ofServer: async () => now() };
  return { ...project, context: { ...project.context, clock } };
}

/** The same on a machine that cannot reach staging. */
function farFromStaging(given: Project): Project {
  const address = Address.parse('postgresql://nobody@127.0.0.1:1/nothing');
  const environments = given.config.environments.map((each) =>
    each.name === 'staging' ? { ...each, address } : each,
  );
  return { ...given, config: { ...given.config, environments } };
}

async function soaked(given: Project): Promise<JudgedGate | undefined> {
  const request = { environment: 'production', waivers: [], notify: false };
  const { gates } = await preflightChange(given, request);
  return gates.find(({ id }) => id === 'soaked');
}

async function exported(hours: number, key = 'ana'): Promise<string> {
  const path = join(folder, `${hours}-${key}-${Math.random()}.json`);
  await exportEvidence(later(hours), {
    environment: 'staging',
    file: path,
    keyFile: join(folder, key),
  });
  return path;
}

async function sample(hours: number, healthy: boolean): Promise<void> {
  const { address } = project.databases.staging ?? {};
  if (address === undefined) throw new Error('there is no staging');
  await using database = await connect(address, { purpose: 'test' });
  const at = new Date(Date.now() + hours * hourMs);
  await database.query('INSERT INTO drydock.health_samples VALUES ($1, $2, $3)', [
    at,
    healthy,
    '[]',
  ]);
}

describe('a signed file of evidence', () => {
  it('opens the soak gate where staging cannot be reached, and counts until it was written', async () => {
    for (let hour = 0.25; hour < 31; hour += 0.25) await sample(hour, true);
    const far = farFromStaging(later(30));
    expect(await soaked(far)).toMatchObject({
      state: 'closed',
      reason: 'staging could not be read',
      howToOpen: expect.stringContaining('drydock evidence export staging'),
    });
    await exportEvidence(later(30), { environment: 'staging', file, keyFile: join(folder, 'ana') });
    expect(await importEvidence(far, { file })).toMatchObject({
      environment: 'staging',
      into: 'production',
      signer: 'ana@example.org',
    });
    expect(await soaked(far)).toMatchObject({
      state: 'open',
      reason: expect.stringMatching(/30 h .*by a signed file of evidence/),
    });
    // A day later it is none any more, although it stands in the journal still.
    expect(await soaked(farFromStaging(later(54.1)))).toMatchObject({ state: 'closed' });
  });

  it('of too short a soak leaves the gate closed, however long it lay about', async () => {
    const short = await exported(10);
    const far = farFromStaging(later(30));
    await importEvidence(far, { file: short });
    expect(await soaked(far)).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('10 h'),
    });
  });

  it.each([
    ['one byte was changed', (text: string) => text.replace('"complete"', '"Complete"')],
    [
      'a byte and its digest were changed',
      (text: string) => {
        const { evidence, signature } = JSON.parse(text.replace('"complete"', '"Complete"'));
        return JSON.stringify({ evidence, sha256: sha256(canonicalJson(evidence)), signature });
      },
    ],
  ])('is refused when %s', async (_why, change) => {
    const changed = join(folder, 'changed.json');
    await writeFile(changed, change(await readFile(file, 'utf8')));
    const refused = importEvidence(later(30), { file: changed });
    await expect(refused).rejects.toMatchObject({
      code: 'evidence/changed',
      databaseState: 'untouched',
      message: expect.stringContaining('changed.json'),
    });
  });

  it('is refused when another key has signed it', async () => {
    const refused = importEvidence(later(30), { file: await exported(30, 'eve') });
    await expect(refused).rejects.toMatchObject({
      code: 'evidence/unknown-signer',
      message: expect.stringContaining('signers'),
    });
  });

  it('is refused when it is old, or from the future', async () => {
    await expect(importEvidence(later(54.1), { file })).rejects.toMatchObject({
      code: 'evidence/too-old',
      message: expect.stringContaining('24 h at most'),
    });
    await expect(importEvidence(later(29), { file })).rejects.toMatchObject({
      code: 'evidence/not-yet',
    });
  });

  it('is refused when it is of the environment itself, or is no evidence at all', async () => {
    const own = join(folder, 'own.json');
    await applyChange(project, { environment: 'production', answers, waivers: [] });
    await exportEvidence(later(30), {
      environment: 'production',
      file: own,
      keyFile: join(folder, 'ana'),
    });
    await expect(
      importEvidence(later(30), { file: own, into: 'production' }),
    ).rejects.toMatchObject({
      code: 'evidence/other-environment',
    });
    await expect(importEvidence(project, { file: join(folder, 'signers') })).rejects.toMatchObject({
      code: 'evidence/unreadable',
    });
  });

  it('is refused when it is about another plan', async () => {
    project.write('002_b', '-- Another.\nCREATE TABLE IF NOT EXISTS b (id int PRIMARY KEY);\n');
    await expect(importEvidence(later(30), { file })).rejects.toMatchObject({
      code: 'evidence/other-plan',
      message: expect.stringContaining('002_b'),
    });
  });
});
