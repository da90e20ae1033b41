import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOrFail } from '../../core/process.ts';
import type { JournalEntry, JournalRow } from '../../history/journal.ts';
import {
  approvalsOf,
  approvalText,
  approvedByRole,
  approvalNamespace as namespace,
} from './approval.ts';
import { signerOf, signText } from './ssh.ts';

const approvable = { environment: 'production', databaseId: 'd1', plan: 'p1' };
const applier = { who: 'ana', role: 'deployer' };

function entry(who: string, more: Partial<JournalEntry> = {}): JournalRow {
  const at = '2026-01-15T08:00:00.000Z';
  const details = { databaseId: 'd1' };
  const head = { run: who, at, who, host: 'desk', role: who, command: 'approve', plan: 'p1' };
  return { seq: 1, hash: '', entry: { ...head, phase: 'done', details, ...more } };
}

function approvers(...journal: JournalRow[]): readonly string[] {
  return approvedByRole(approvalsOf(journal, approvable, applier), applier);
}

describe('an approval by role', () => {
  it('counts each role of another person once', () => {
    expect(approvers(entry('ben'), entry('ben'), entry('eve'))).toEqual(['ben', 'eve']);
  });

  it.each([
    ['is for another plan', entry('ben', { plan: 'p2' })],
    ['is for another database', entry('ben', { details: { databaseId: 'd2' } })],
    ['is by the person who applies', entry('ana', { role: 'ana' })],
    ['is by the role that applies', entry('ben', { role: 'deployer' })],
    ['was begun and not given', entry('ben', { phase: 'begun' })],
    ['is no approval', entry('ben', { command: 'notify' })],
  ])('does not count when it %s', (_why, row) => {
    expect(approvers(row)).toEqual([]);
  });
});

describe('an approval by ssh', () => {
  let folder: string;
  let allowed: string;
  const text = approvalText(approvable);

  const sign = (name: string): Promise<string> =>
    signText(text, { keyFile: join(folder, name), namespace });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drydock-test-'));
    allowed = join(folder, 'allowed_signers');
    for (const name of ['ben', 'eve']) {
      await runOrFail('ssh-keygen', [
        ...['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)],
      ]);
    }
    const key = await readFile(join(folder, 'ben.pub'), 'utf8');
    await writeFile(allowed, `ben@example.org ${key}`);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('names who signed, by the file of allowed signers', async () => {
    const signature = await sign('ben');
    expect(await signerOf(text, { signature, allowedSigners: allowed, namespace })).toBe(
      'ben@example.org',
    );
  });

  it('is none when the plan is another one, the key is unknown, or the signature is no signature', async () => {
    const signature = await sign('ben');
    const other = approvalText({ ...approvable, plan: 'p2' });
    expect(
      await signerOf(other, { signature, allowedSigners: allowed, namespace }),
    ).toBeUndefined();
    const stranger = await sign('eve');
    expect(
      await signerOf(text, { signature: stranger, allowedSigners: allowed, namespace }),
    ).toBeUndefined();
    expect(
      await signerOf(text, { signature: 'nothing', allowedSigners: allowed, namespace }),
    ).toBeUndefined();
  });

  it('says what ssh-keygen says when the key cannot be used', async () => {
    await expect(sign('nobody')).rejects.toMatchObject({
      code: 'promotion/not-signed',
      message: expect.stringContaining('nobody'),
    });
  });
});
