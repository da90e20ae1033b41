import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { testProject } from '../../../test/project.ts';
import { connect } from '../../postgres/connect.ts';
import { parseWaiver } from '../../promotion/judge.ts';
import { applyChange } from '../../safe-change.ts';
import type { JudgedWay } from '../ways-back/way.ts';
import { whyNotTaken } from './by-itself.ts';
import { monitor } from './monitor.ts';

const possible = {
  possible: true,
  does: 'Takes it back',
  ms: 1_000,
  measured: 'its rehearsal',
  loss: { rows: 0, sentence: 'keeps every later write' },
  doubt: null,
  command: 'drydock undo production',
} as const;
const way = (judgement: JudgedWay['judgement'], byHand = false): JudgedWay => ({
  name: 'undo',
  byHand,
  judgement,
});

it('a way is taken without a person only when it loses nothing and nothing speaks against it', () => {
  expect(whyNotTaken(way(possible))).toBeUndefined();
  expect(whyNotTaken(undefined)).toBe('there is no such way');
  expect(whyNotTaken(way({ possible: false, whyNot: 'nothing is kept', prepare: null }))).toBe(
    'nothing is kept',
  );
  expect(whyNotTaken(way(possible, true))).toBe('it is done by hand');
  const some = { rows: 3, sentence: 'loses at most 3 writes' };
  expect(whyNotTaken(way({ ...possible, loss: some }))).toBe('loses at most 3 writes');
  const unknown = { rows: null, sentence: 'loses what was written' };
  expect(whyNotTaken(way({ ...possible, loss: unknown }))).toBe('loses what was written');
  const doubt = 'the release before may not know the new schema';
  expect(whyNotTaken(way({ ...possible, doubt }))).toBe(doubt);
});

const waivers = [
  ...['no-destructive-statements', 're-runnable', 'team-notified', 'monitoring-ready'],
  ...['check-clean', 'rehearsed-within-budget', 'queries-still-work'],
].map((gate) => parseWaiver(`${gate}=a test`, 'ana'));

/** The state of the last migration after a red look, with this said of red in the configuration. */
async function afterRed(onRed: 'undo' | 'code' | undefined, migration: string): Promise<object> {
  let status = 200;
  const application = createServer((_request, response) => {
    response.statusCode = status;
    response.end();
  });
  await once(application.listen(0, '127.0.0.1'), 'listening');
  const { port } = application.address() as AddressInfo;
  const rules = { redInARow: 1, ...(onRed === undefined ? {} : { onRed }) };
  await using project = await testProject(
    {
      dev: {},
      production: {
        ...{ after: 'dev', soak: '0s', undo: true, monitor: rules },
        health: `http://127.0.0.1:${port}/health`,
      },
    },
    "CREATE TABLE users AS SELECT 1 AS id, 'Ana' AS name",
  );
  project.write('001_a', migration);
  const answers = { plan: async () => true, final: async () => true };
  await applyChange(project, { environment: 'dev', answers, waivers: [] });
  const applied = await applyChange(project, { environment: 'production', answers, waivers });
  expect(applied.outcome).toBe('applied');
  status = 503;
  const report = await monitor(project, { environment: 'production', once: true });
  expect(report.incident).not.toBeNull();
  application.close();
  application.closeAllConnections();
  const address = project.databases.production?.address ?? (undefined as never);
  await using database = await connect(address, { purpose: 'test' });
  const { names, frozen } = await database.one<{ names: string | null; frozen: boolean }>(
    `SELECT (SELECT string_agg(name, ' ') FROM drydock.ledger) AS names,
            EXISTS (SELECT FROM drydock.journal WHERE entry ->> 'command' = 'freeze') AS frozen`,
  );
  const told = project.context.events.flatMap((event) =>
    event.kind === 'note' && event.text.startsWith('production: ') ? [event.text] : [],
  );
  return { names, frozen, told };
}

const spoils = "-- Spoils.\nBEGIN;\nUPDATE users SET name = 'spoilt';\nCOMMIT;\n";

it('a red monitoring takes the last change back where the configuration says so', async () => {
  expect(await afterRed('undo', spoils)).toEqual({
    names: null,
    frozen: true,
    told: [expect.stringMatching(/^production: 001_a is taken back in place, by itself; .*NOT/)],
  });
});

it('it takes nothing where a write can be lost, and says so', async () => {
  const added = '-- Adds.\nALTER TABLE users ADD COLUMN IF NOT EXISTS tier int;\n';
  expect(await afterRed('code', added)).toEqual({
    names: '001_a',
    frozen: true,
    told: [expect.stringMatching(/^production: code was not taken: .*Next: drydock recover/)],
  });
});

it('it takes nothing where the configuration does not say so', async () => {
  expect(await afterRed(undefined, spoils)).toEqual({ names: '001_a', frozen: true, told: [] });
});
