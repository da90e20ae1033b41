// Whatever is in a configuration, a manifest, a dump, a file of evidence, a journal, a ledger or a
// migration: what comes of it is a result or a failure with a name, soon, and nothing outside of the place
// that was meant is written. `FUZZ_SEED=7` tells one run again, `FUZZ_RUNS=5000` makes it long.

import { randomInt } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp } from '../src/backup/back-up.ts';
import { findBackup, listBackups } from '../src/backup/backups.ts';
import { manifestCopyOf, manifestFileOf } from '../src/backup/file-name.ts';
import { type Backup, type Manifest, writeManifest } from '../src/backup/manifest.ts';
import { prove } from '../src/backup/prove.ts';
import { withKept } from '../src/backup/store/bring-back.ts';
import { keepBackup } from '../src/backup/store/keep.ts';
import { listKept } from '../src/backup/store/kept.ts';
import { localStore } from '../src/backup/store/local.ts';
import { loadConfig } from '../src/config/load.ts';
import { parseConfig } from '../src/config/schema.ts';
import { canonicalJson, sha256 } from '../src/core/digest.ts';
import { Failure } from '../src/core/failure.ts';
import { install } from '../src/history/install.ts';
import { firstBrokenEntry } from '../src/history/journal.ts';
import { readLedger, recordStep } from '../src/history/ledger.ts';
import { check } from '../src/lint/check.ts';
import { exampleOf, given } from '../src/lint/examples.ts';
import { rules } from '../src/lint/rules.ts';
import { checksumOf } from '../src/migration/checksum.ts';
import { makePlan, parsedPlan } from '../src/migration/plan.ts';
import { verifyArchive } from '../src/postgres/archive.ts';
import { connect, type Database } from '../src/postgres/connect.ts';
import { readEvidenceFile } from '../src/promotion/soak-evidence/soak-evidence.ts';
import { type SandboxServer, startServer } from '../src/sandbox/server.ts';
import { backUpOptions } from './backups.ts';
import { commandProject } from './command.ts';
import { type TestDatabase, testContext, testDatabase } from './database.ts';
import { spoiledBytes, spoiledSql, spoiledValue } from './mutations.ts';
import { Dice } from './random-database.ts';
import { statementKinds, given as statementSchema } from './statement-kinds.ts';

const seed = Number(process.env.FUZZ_SEED ?? randomInt(1_000_000));
const runs = Number(process.env.FUZZ_RUNS ?? 40);
const timeout = 60_000 + runs * 1_000;
// What takes a server or a process of its own is done less often.
const fewRuns = Math.ceil(runs / 50);

/** Plays rounds; one that fails tells the seed that makes it the first. */
async function play(times: number, round: (dice: Dice) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < times; at += 1) {
    const startedAt = performance.now();
    try {
      await round(new Dice(seed + at));
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed + at} FUZZ_RUNS=1: ${String((error as Error).stack)}`, {
        cause: error,
      });
    }
    expect(performance.now() - startedAt, `FUZZ_SEED=${seed + at} hangs`).toBeLessThan(30_000);
  }
}

/** What came of it: a result or a failure with a name; anything else is thrown on. */
async function outcomeOf<T>(work: () => Promise<T> | T): Promise<T | Failure> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.code).toMatch(/^[a-z]+(-[a-z]+)*\/[a-z-]+$|^interrupted$/);
    expect(error.message).not.toBe('');
    expect(error.message).not.toMatch(/undefined|\[object|is not a function|Cannot read prop/);
    expect(error.hint).not.toBe('');
    return error;
  }
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-fuzz-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe(`with FUZZ_SEED=${seed}`, () => {
  describe('a configuration', () => {
    const valid = {
      migrations: 'migrations',
      backups: 'backups',
      environments: {
        dev: { url: { env: 'DEV_DATABASE_URL' } },
        staging: {
          url: 'postgresql://a@localhost/staging',
          after: 'dev',
          soak: '24h',
          deploy: './release.sh staging',
          health: 'http://127.0.0.1:3000/health',
          monitor: '24h',
        },
        production: {
          url: 'postgresql://a:secret@localhost/production?sslmode=verify-full',
          after: 'staging',
          guarded: true,
          confirm: 'twice',
          window: { from: '02:00', to: '04:00', timeZone: 'America/New_York' },
          approvals: { count: 2 },
          neverWaive: ['soaked'],
          backups: { keep: '30d', hash: 'all' },
          notify: [{ webhook: { env: 'TEAM_WEBHOOK' } }],
          pgbouncer: 'postgresql://a@pool:6432/pgbouncer',
          undo: true,
          rescue: 'warm',
        },
      },
    };

    it('is read, or refused by name', { timeout }, () =>
      play(runs * 4, async (dice) => {
        let input: unknown = valid;
        for (let times = 1 + dice.below(3); times > 0; times -= 1)
          input = spoiledValue(input, dice);
        const options = { root: '/project', file: undefined, variables: {} };
        const outcome = await outcomeOf(() => parseConfig(input, options));
        if (!(outcome instanceof Failure)) return;
        expect(outcome.code).toMatch(/^config\//);
        expect(outcome.message).not.toContain('secret@');
      }),
    );

    it('as a file is read, or refused by name', { timeout }, () =>
      play(runs, async (dice) => {
        const file = join(folder, 'drydock.config.json');
        writeFileSync(file, spoiledBytes(Buffer.from(JSON.stringify(valid)), dice));
        const outcome = await outcomeOf(() => loadConfig({ cwd: folder, file, variables: {} }));
        if (outcome instanceof Failure) expect(outcome.code).toMatch(/^config\//);
      }),
    );
  });

  describe('a backup', () => {
    let database: TestDatabase;
    let backups: string;
    let backup: Backup;
    let server: SandboxServer;

    beforeAll(async () => {
      database = await testDatabase({
        sql: `CREATE TABLE users (id serial PRIMARY KEY, name text);
              INSERT INTO users (name) SELECT repeat('x', n) FROM generate_series(1, 50) n`,
      });
      backups = join(folder, 'backups');
      backup = await backUp(testContext(), backUpOptions(database.address, backups));
      server = await startServer(testContext(), { purpose: 'fuzz' });
    });
    afterAll(async () => {
      await server.stop();
      await database.drop();
    });

    /** A copy of the backup to spoil, in a folder of its own. */
    async function copied(): Promise<{ backups: string; file: string }> {
      const copy = join(folder, 'spoiled');
      await rm(copy, { recursive: true, force: true });
      await cp(backups, copy, { recursive: true });
      return { backups: copy, file: join(copy, 'production', backup.name) };
    }

    /** Looks at it in every way that needs no server. */
    async function lookedAt(place: { backups: string; file: string }): Promise<unknown> {
      const list = await listBackups(place.backups, 'production');
      for (const each of [...list.incomplete, ...list.damaged]) expect(each.reason).not.toBe('');
      for (const wanted of ['latest', backup.name, place.file]) {
        await outcomeOf(() =>
          findBackup({ backups: place.backups, environment: 'production', wanted, from: [] }),
        );
      }
      return list.backups[0] === undefined
        ? undefined
        : await outcomeOf(() =>
            verifyArchive({ path: place.file, ...(list.backups[0] as Backup).manifest.dump }),
          );
    }

    it('with a spoiled manifest or dump is listed as such, and never believed', { timeout }, () =>
      play(runs, async (dice) => {
        const place = await copied();
        const [manifest, copy] = [manifestFileOf(place.file), manifestCopyOf(place.file)];
        const targets = dice.of([[manifest], [copy], [manifest, copy], [place.file]]);
        for (const target of targets) {
          const before = readFileSync(target);
          const after = spoiledBytes(before, dice);
          writeFileSync(target, after);
          if (target === place.file && !after.equals(before)) {
            const outcome = await lookedAt(place);
            if (outcome !== undefined)
              expect(outcome).toMatchObject({ code: 'backup/file-changed' });
          }
        }
        await lookedAt(place);
      }),
    );

    it('with a manifest that somebody wrote anew is read, or refused by name', { timeout }, () =>
      play(runs, async (dice) => {
        const place = await copied();
        const manifest = spoiledValue(backup.manifest, dice) as Manifest;
        await writeManifest(place.file, manifest);
        await lookedAt(place);
      }),
    );

    it('with links and huge files in the place of its own', { timeout }, () =>
      play(fewRuns, async (dice) => {
        const place = await copied();
        const target = dice.of([place.file, manifestFileOf(place.file)]);
        rmSync(target);
        const huge = 20 * 1024 ** 3;
        if (dice.below(3) === 0) {
          // Full of holes: it takes no room.
          writeFileSync(target, '');
          truncateSync(target, huge);
        } else {
          symlinkSync(
            dice.of(['/etc/passwd', '/dev/zero', target, '/nowhere', '/proc/self/mem']),
            target,
          );
        }
        const list = await listBackups(place.backups, 'production');
        if (target === place.file) expect(list.backups).toEqual([]);
      }),
    );

    it('that is proven all the same is restored, or refused by name', { timeout }, () =>
      play(fewRuns, async (dice) => {
        const place = await copied();
        await writeManifest(place.file, spoiledValue(backup.manifest, dice) as Manifest);
        const found = await outcomeOf(() =>
          findBackup({ ...place, environment: 'production', wanted: 'latest', from: [] }),
        );
        if (found instanceof Failure) return;
        await outcomeOf(() =>
          prove(testContext(), {
            backup: found,
            startServer: async () => ({ ...server, stop: async () => {} }),
          }),
        );
        await using maintenance = await connect(server.address('postgres'), { purpose: 'test' });
        for (const { name } of await maintenance.query<{ name: string }>(
          "SELECT quote_ident(datname) AS name FROM pg_database WHERE datname !~ '^(postgres|template)'",
        ))
          await maintenance.execute(`DROP DATABASE ${name} WITH (FORCE)`);
      }),
    );

    it('in a store that others write to leads nowhere else', { timeout }, () =>
      play(runs, async (dice) => {
        const root = join(folder, 'store');
        await rm(root, { recursive: true, force: true });
        const store = localStore(root);
        const keeping = { store, environment: 'production' };
        await keepBackup(testContext(), { ...keeping, backup, encryption: undefined });
        const recordFile = readdirSync(join(root, 'production')).find((name) =>
          name.includes('kept'),
        );
        if (recordFile === undefined) throw new Error('the store has no record');
        const path = join(root, 'production', recordFile);
        const { sha256: _, ...record } = JSON.parse(readFileSync(path, 'utf8'));
        const spoiled = spoiledValue(record, dice) as object;
        const digest = sha256(canonicalJson(spoiled));
        writeFileSync(path, JSON.stringify({ ...spoiled, sha256: digest }));
        const around = join(folder, 'around');
        await mkdir(around, { recursive: true });
        const { kept, incomplete } = await listKept(keeping);
        for (const each of incomplete) expect(each.reason).not.toBe('');
        for (const each of kept) {
          await outcomeOf(() =>
            withKept(
              testContext(),
              { ...keeping, kept: each, backups: join(around, 'backups'), identityFile: undefined },
              async () => undefined,
            ),
          );
        }
        expect(readdirSync(around).filter((name) => name !== 'backups')).toEqual([]);
      }),
    );
  });

  it('a file of evidence is read, or refused by name', { timeout }, () =>
    play(runs, async (dice) => {
      const evidence = {
        kind: 'soak-evidence',
        version: 2,
        databaseId: 'a',
        state: { name: 'staging', ledger: [], samples: [], seenAt: new Date().toISOString() },
      };
      const spoiled = spoiledValue(evidence, dice);
      const whole = { evidence: spoiled, sha256: sha256(canonicalJson(spoiled)), signature: 'x' };
      const text = JSON.stringify(dice.below(2) === 0 ? whole : spoiledValue(whole, dice));
      await outcomeOf(() => readEvidenceFile(text, 'evidence.json'));
    }),
  );

  describe('the history', () => {
    let fresh: TestDatabase;
    let database: Database;

    beforeAll(async () => {
      fresh = await testDatabase();
      database = await connect(fresh.address, { purpose: 'test' });
      await install(database);
      for (let n = 1; n <= 20; n += 1) {
        await database.query('SELECT drydock.append_to_journal($1::jsonb)', [
          JSON.stringify({
            run: `r${n}`,
            at: new Date().toISOString(),
            command: 'apply',
            phase: 'done',
          }),
        ]);
      }
    });
    afterAll(async () => {
      await database.close();
      await fresh.drop();
    });

    it('of a journal that somebody has changed tells where', { timeout }, () =>
      play(runs, async (dice) => {
        // The newest entries alone may be cut off unseen: nothing follows them.
        const [seq, other] = [1 + dice.below(19), 1 + dice.below(19)];
        const change = dice.of([
          `UPDATE drydock.journal SET entry = entry || '{"who": "eve"}' WHERE seq = ${seq}`,
          `UPDATE drydock.journal SET entry = entry - 'phase' WHERE seq = ${seq}`,
          `UPDATE drydock.journal SET hash = md5(hash) WHERE seq = ${seq}`,
          `UPDATE drydock.journal SET previous = md5(previous) WHERE seq = ${seq}`,
          `UPDATE drydock.journal SET hash = drydock.journal_hash(previous, seq, entry || '{"x": 1}'), entry = entry || '{"x": 1}' WHERE seq = ${seq}`,
          `DELETE FROM drydock.journal WHERE seq = ${seq}`,
          `UPDATE drydock.journal SET seq = seq + 100 WHERE seq = ${seq}`,
          `UPDATE drydock.journal SET entry = (SELECT entry || '{"y": 1}' FROM drydock.journal WHERE seq = ${other}) WHERE seq = ${seq}`,
        ]);
        await database.execute('BEGIN');
        try {
          await database.execute('SET LOCAL session_replication_role = replica');
          await database.execute(change);
          expect(await firstBrokenEntry(database), change).toBeDefined();
        } finally {
          await database.execute('ROLLBACK');
        }
        expect(await firstBrokenEntry(database)).toBeUndefined();
      }),
    );

    it(
      'of a ledger that somebody has changed gives a plan, or is refused by name',
      { timeout },
      () =>
        play(runs, async (dice) => {
          const migrations = ['001', '002', '003'].map((version) => {
            const sql = `CREATE TABLE t${version} (id int);`;
            const name = `${version}_a`;
            return {
              version,
              name,
              path: `migrations/${name}.sql`,
              sql,
              checksum: checksumOf(sql),
            };
          });
          const change = dice.of([
            `version = '${dice.of(['', '9', 'x', '../x', '0'.repeat(99), '-1', '1e3', '１'])}'`,
            `name = '${dice.of(['', '../x', 'x'.repeat(9_999)])}'`,
            `checksum = '${dice.of(['', 'x'])}'`,
            `state = '${dice.of(['partial', 'complete'])}'`,
            `steps_done = ${dice.below(9) - 3}`,
            `steps_total = ${dice.below(9) - 3}`,
            `applied_at = '${dice.of(['infinity', '-infinity', '4713-01-01 BC', '294276-01-01'])}'`,
            `duration_ms = -1`,
          ]);
          await database.execute('BEGIN');
          try {
            for (const { version, name, checksum } of migrations.slice(0, 2)) {
              const written = { plan: 'p', appliedBy: 'a', durationMs: 1, backup: null };
              const row = { version, name, checksum, stepsDone: 1, stepsTotal: 1, ...written };
              await recordStep(database, row);
            }
            const of = `WHERE version = '00${1 + dice.below(2)}'`;
            await database.execute(`UPDATE drydock.ledger SET ${change} ${of}`);
            await outcomeOf(async () =>
              parsedPlan(
                makePlan({ environment: 'e', migrations, ledger: await readLedger(database) }),
              ),
            );
          } finally {
            await database.execute('ROLLBACK');
          }
        }),
    );
  });

  describe('SQL', () => {
    const texts = [
      given.sql,
      statementSchema,
      readFileSync(new URL('rich-database.sql', import.meta.url), 'utf8'),
      readFileSync(new URL('../src/lint/hard-cases.sql', import.meta.url), 'utf8').slice(0, 20_000),
      ...statementKinds.map(({ sql }) => sql),
      ...rules.flatMap(({ id }) => [exampleOf(id, 'bad').sql, exampleOf(id, 'good').sql]),
    ];

    it(
      'that nobody could have written is checked and planned, or refused by name',
      { timeout },
      () =>
        play(runs, async (dice) => {
          const sql = spoiledSql(texts, dice);
          const report = await outcomeOf(() => check([{ path: 'migrations/001_a.sql', sql }]));
          if (!(report instanceof Failure)) expect(Array.isArray(report.findings)).toBe(true);
          await outcomeOf(async () => {
            const text = { version: '001', name: '001_a', path: 'migrations/001_a.sql', sql };
            const migrations = [{ ...text, checksum: checksumOf(sql) }];
            return parsedPlan(makePlan({ environment: 'e', migrations, ledger: [] }));
          });
        }),
    );
  });

  it('the command itself never ends as a bug', { timeout }, async () => {
    await using project = await commandProject({ databases: {} });
    const config = JSON.stringify({
      environments: { dev: { url: 'postgresql://a@127.0.0.1:1/x' } },
    });
    const texts = rules.map(({ id }) => exampleOf(id, 'bad').sql);
    await play(fewRuns, async (dice) => {
      await project.write(
        'drydock.config.json',
        dice.below(2) === 0 ? config : spoiledBytes(Buffer.from(config), dice).toString(),
      );
      await project.write('migrations/001_a.sql', spoiledSql(texts, dice));
      const args = dice.of([
        ['check'],
        ['check', '--json'],
        ['status', '--json'],
        ['apply', 'dev'],
        ['apply', 'dev', '--dry-run', '--json'],
        ['preflight', 'dev'],
        ['backups', 'dev'],
        ['history', 'dev', '--json'],
        ['rehearse', 'dev'],
      ]);
      const { exitCode, stderr } = await project.drydock(args);
      expect([0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], `${args.join(' ')}: ${stderr}`).toContain(
        exitCode,
      );
    });
  });
});
