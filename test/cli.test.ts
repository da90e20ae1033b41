// The command as a program: usage, help, version, exit statuses, and what it must never print.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { type CommandProject, commandProject, expectFailure, filesIn } from './command.ts';

let project: CommandProject;

beforeAll(async () => {
  project = await commandProject({ databases: { dev: 'postgresql://127.0.0.1:1/none' } });
});

afterAll(() => project[Symbol.asyncDispose]());

describe('usage', () => {
  it.each([
    ['an unknown command', ['sail'], 'sail'],
    ['an unknown flag', ['status', '--fast'], 'fast'],
    ['a missing argument', ['apply'], 'environment'],
    ['an argument too many', ['backup', 'dev', 'now'], 'now'],
    ['a flag without its value', ['restore', 'dev', '--confirm'], 'confirm'],
  ])('%s ends with status 2 and is named', async (_what, args, named) => {
    const { exitCode, stdout, stderr } = await project.drydock(args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(named);
  });

  it('a bad value of a flag tells how it is written', async () => {
    await expectFailure(project, ['apply', 'dev', '--lock-patience', 'soon'], {
      exit: 2,
      code: 'usage/bad-duration',
      names: ['soon'],
      hint: '--lock-patience 90s',
    });
    await expectFailure(project, ['history', 'dev', '--limit', 'all'], {
      exit: 2,
      code: 'usage/bad-number',
      names: ['all'],
      hint: 'drydock history production --limit 50',
    });
    await expectFailure(project, ['apply', 'dev', '--waive', 'gravity=no'], {
      exit: 2,
      code: 'usage/bad-waiver',
      names: ['gravity'],
      hint: 'soaked',
    });
  });

  it('an unknown environment is answered with those that exist', async () => {
    for (const command of ['apply', 'backup', 'backups', 'prove', 'restore', 'deploy', 'health']) {
      await expectFailure(project, [command, 'moon'], {
        exit: 2,
        code: 'config/unknown-environment',
        names: ['moon'],
        hint: 'dev',
      });
    }
  });
});

describe('help', () => {
  it('names every command, within 80 columns', async () => {
    const { exitCode, stdout } = await project.drydock(['--help']);
    expect(exitCode).toBe(0);
    expect(commandsIn(stdout)).toEqual(expect.arrayContaining(['init', 'apply', 'restore']));
    expect(tooWide(stdout)).toEqual([]);
  });

  it('of every command is within 80 columns and says what the step does', async () => {
    const { stdout } = await project.drydock(['--help']);
    for (const command of commandsIn(stdout)) {
      const help = await project.drydock([command, '--help']);
      expect(help.exitCode, command).toBe(0);
      expect(help.stdout, command).toContain(`drydock ${command}`);
      expect(tooWide(help.stdout), command).toEqual([]);
    }
  });

  it('--version prints the version of the package', async () => {
    const { exitCode, stdout } = await project.drydock(['--version']);
    expect(exitCode).toBe(0);
    expect(stdout.trim()).toBe(packageJson.version);
  });
});

describe('init', () => {
  it('writes the configuration and the seven scripts, and leaves what is there', async () => {
    const folder = join(project.folder, 'fresh');
    await mkdir(folder);
    await project.write('fresh/deploy-staging.sh', 'mine');
    const init = `cd fresh && ${join(project.folder, 'node_modules', '.bin', 'drydock')} init`;
    for (const wrote of [10, 0]) {
      const { stdout } = await project.sh(init);
      expect(stdout.match(/^wrote/gm) ?? []).toHaveLength(wrote);
    }
    expect(await readFile(join(folder, 'deploy-staging.sh'), 'utf8')).toBe('mine');
    expect(await filesIn(project, 'fresh')).toEqual([
      'fresh',
      'fresh/.env.example',
      'fresh/.gitignore',
      'fresh/apply-migration-production.sh',
      'fresh/apply-migration-staging.sh',
      'fresh/backup-database.sh',
      'fresh/deploy-production.sh',
      'fresh/deploy-staging.sh',
      'fresh/drydock.config.ts',
      'fresh/migrations',
      'fresh/pre-deploy-check.sh',
      'fresh/restore-database.sh',
    ]);
    // The configuration that it wrote is one that it reads.
    const { exitCode, stdout } = await project.sh(
      `${init} >/dev/null && npx --no -- drydock status`,
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain('there is no address for the database of production');
  });
});

function commandsIn(help: string): string[] {
  const list = help.slice(help.indexOf('COMMANDS'));
  return [...list.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name = '']) => name);
}

function tooWide(text: string): string[] {
  return text.split('\n').filter((line) => line.length > 80);
}
