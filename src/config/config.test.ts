import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Config, Secret } from './environment.ts';
import { addressOf, environmentNamed, loadConfig } from './load.ts';
import { parseConfig } from './schema.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drydock-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function load(variables: NodeJS.ProcessEnv = {}, cwd = folder): Promise<Config> {
  return loadConfig({ cwd, variables });
}

function parse(environments: unknown, variables: NodeJS.ProcessEnv = {}): Config {
  return parseConfig({ environments }, { root: '/project', file: undefined, variables });
}

describe('a configuration', () => {
  it('names the consoles of pools, one or several, and leaves out those whose variable is not set', () => {
    const console = 'postgresql://admin@pool:6432/pgbouncer';
    const pools = (pgbouncer: unknown): readonly string[] =>
      parse({ dev: { pgbouncer } }, { POOL: console }).environments.flatMap((environment) =>
        environment.pools.map(({ label }) => label),
      );
    expect(pools(undefined)).toEqual([]);
    expect(pools({ env: 'POOL' })).toEqual(['pool:6432/pgbouncer']);
    expect(pools([console, { env: 'OTHER_POOL' }])).toEqual(['pool:6432/pgbouncer']);
    expect(() => pools('nonsense')).toThrow('environments.dev.pgbouncer');
  });

  it('puts environments in their order of promotion and guards the last one', () => {
    const { environments } = parse({
      production: { after: 'staging' },
      staging: { after: 'dev' },
      dev: {},
    });
    expect(
      environments.map(({ name, guarded, confirm, soakMs }) => [name, guarded, confirm, soakMs]),
    ).toEqual([
      ['dev', false, 'never', 0],
      ['staging', false, 'never', 86_400_000],
      ['production', true, 'twice', 86_400_000],
    ]);
  });

  it('lets nobody look away for longer than an eighth of the soak, or what it says', () => {
    const { environments } = parse({
      dev: {},
      staging: { after: 'dev', soak: '10s' },
      early: { after: 'staging', soak: '2d', soakGap: '1h' },
      production: { after: 'early' },
    });
    const minutes = environments.map(({ name, soakGapMs }) => [name, soakGapMs / 60_000]);
    expect(Object.fromEntries(minutes)).toMatchObject({ staging: 5, early: 60, production: 180 });
  });

  it('does not guard a single environment, unless it says so', () => {
    expect(parse({ dev: {} }).environments[0]?.guarded).toBe(false);
    expect(parse({ live: { guarded: true } }).environments[0]?.confirm).toBe('twice');
  });

  it('tells all its problems together, each with its place', () => {
    const wrong = {
      dev: { url: 'mysql://x', colour: 'red' },
      production: {
        after: 'nowhere',
        soak: 'a day',
        window: { from: '25:00', to: '4', timeZone: 'Mars' },
        blackouts: [{ from: '2026-13-01', timeZone: 'UTC' }],
      },
    };
    expect(() => parse(wrong)).toThrow(
      expect.objectContaining({
        code: 'config/invalid',
        details: expect.objectContaining({ problems: expect.toSatisfy((all) => all.length === 8) }),
      }),
    );
  });

  it('refuses a circle of environments', () => {
    expect(() => parse({ a: { after: 'b' }, b: { after: 'a' } })).toThrow(/circle/);
  });

  it('does not repeat a wrong address, which may hold a password', () => {
    const parsing = (): Config => parse({ dev: { url: 'postgresql://ana:s3cret@host' } });
    expect(parsing).toThrow(/environments.dev.url/);
    expect(parsing).not.toThrow(/s3cret/);
  });
});

describe('loading', () => {
  it.each([
    ['drydock.config.json', '{ "environments": { "one": {} } }'],
    ['drydock.config.mjs', 'export default { environments: { one: {} } };'],
    [
      'drydock.config.ts',
      `import { defineConfig, env } from 'pg-drydock';
       const url: string = 'ONE_URL';
       export default defineConfig({ environments: { one: { url: env(url) } } });`,
    ],
  ])('reads %s from a folder above', async (name, text) => {
    writeFileSync(join(folder, name), text);
    const below = join(folder, 'a', 'b');
    mkdirSync(below, { recursive: true });
    const config = await load({}, below);
    expect(config.root).toBe(folder);
    expect(config.migrations).toBe(join(folder, 'migrations'));
    expect(environmentNamed(config, 'one').name).toBe('one');
  });

  it('takes variables from .env, and those of the process first', async () => {
    writeFileSync(
      join(folder, '.env'),
      'DEV_DATABASE_URL=postgresql://h/a\nSTAGING_DATABASE_URL=postgresql://h/b',
    );
    const config = await load({ DEV_DATABASE_URL: 'postgresql://h/first' });
    expect(config.environments.map(({ address }) => address?.database)).toEqual([
      'first',
      'b',
      undefined,
    ]);
  });

  it('works without any file, by DATABASE_URL or the PG variables', async () => {
    const byUrl = await load({ DATABASE_URL: 'postgresql://h/shop' });
    expect(addressOf(environmentNamed(byUrl, 'staging')).label).toBe('h:5432/shop');
    const byVariables = await load({ PGHOST: '/run/socket', PGDATABASE: 'shop', PGUSER: 'ana' });
    expect(addressOf(environmentNamed(byVariables, 'dev')).host).toBe('/run/socket');
  });

  it('names the variable that is missing', async () => {
    const config = await load();
    expect(() => addressOf(environmentNamed(config, 'production'))).toThrow(
      expect.objectContaining({
        code: 'config/no-address',
        hint: expect.stringContaining('PRODUCTION_DATABASE_URL'),
      }),
    );
  });

  it('names the environments that there are', async () => {
    const config = await load();
    expect(() => environmentNamed(config, 'prod')).toThrow(
      expect.objectContaining({
        code: 'config/unknown-environment',
        hint: expect.stringContaining('dev, staging, production'),
      }),
    );
  });

  it.each([
    ['config/unreadable', 'drydock.config.mjs', 'export default {'],
    ['config/unreadable', 'drydock.config.json', '{'],
    ['config/invalid', 'drydock.config.json', '[]'],
  ])('tells %s for a broken %s', async (code, name, text) => {
    writeFileSync(join(folder, name), text);
    await expect(load()).rejects.toMatchObject({ code });
  });

  it('tells that a named file is not there', async () => {
    const loading = loadConfig({ cwd: folder, file: 'other.json', variables: {} });
    await expect(loading).rejects.toMatchObject({ code: 'config/not-found' });
  });
});

describe('a secret', () => {
  it('shows itself on request alone', () => {
    const secret = new Secret('s3cret');
    const shown = [String(secret), JSON.stringify({ secret }), inspect(secret)].join();
    expect(shown).not.toContain('s3cret');
    expect(secret.reveal()).toBe('s3cret');
  });
});
