import { describe, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { parseTime } from './clock.ts';
import { step } from './context.ts';
import { canonicalJson, sha256 } from './digest.ts';
import { formatBytes, formatDuration, parseDuration } from './duration.ts';
import { Failure, stateSentence, withCleanup } from './failure.ts';
import { isAlive, redact, run, runOrFail, startBackground } from './process.ts';

const failure = new Failure({ code: 'a/b', message: 'it failed', hint: 'Do this.' });

describe('a failure', () => {
  it.each([
    ['untouched', undefined, 'Nothing was changed.'],
    ['untouched', 'a command ran', 'The database was not changed; a command ran.'],
    ['rolled-back', undefined, 'The change was rolled back.'],
    [
      'changed',
      '1 of 2 steps are in force',
      'The database was changed: 1 of 2 steps are in force.',
    ],
    ['unknown', undefined, 'The state of the database is not known.'],
  ] as const)('begins with the state of the database: %s', (state, detail, sentence) => {
    expect(stateSentence(failure.withState(state, detail))).toBe(sentence);
  });

  it('is told with the clean-up that failed after it, not replaced by it', async () => {
    const second = new Error('and the clean-up too');
    const work = withCleanup(
      () => Promise.reject(failure.withState('rolled-back')),
      () => Promise.reject(second),
    );
    await expect(work).rejects.toMatchObject({ code: 'a/b', alsoFailed: [second] });
  });
});

describe('a step', () => {
  it('tells its beginning, its progress and its end', async () => {
    const context = testContext();
    await step(context, 'work', async (reporter) => {
      reporter.progress('half');
      reporter.summary('all');
    });
    expect(context.events).toMatchObject([
      { kind: 'started', label: 'work' },
      { kind: 'progress', text: 'half' },
      { kind: 'finished', summary: 'all' },
    ]);
  });

  it('tells that it failed', async () => {
    const context = testContext();
    await expect(step(context, 'work', () => Promise.reject(failure))).rejects.toBe(failure);
    expect(context.events.at(-1)).toMatchObject({ kind: 'failed', label: 'work' });
  });

  it('does not begin after an interruption', async () => {
    const context = testContext();
    context.abort();
    await expect(step(context, 'work', async () => {})).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(context.events).toEqual([]);
  });
});

describe('a digest', () => {
  it('is the same for the same value in another order', () => {
    expect(canonicalJson({ b: [2, { d: 1, c: null }], a: 'ä' })).toBe(
      '{"a":"ä","b":[2,{"c":null,"d":1}]}',
    );
  });

  it('is SHA-256', () => {
    expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('durations and sizes', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['30d', 2_592_000_000],
    ['a day', undefined],
    ['5', undefined],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    [0, '0 ms'],
    [340.4, '340 ms'],
    [4_120, '4.1 s'],
    [59_960, '1 min'],
    [125_000, '2 min 5 s'],
    [11_400_000, '3 h 10 min'],
    [1_051_200_000, '12 d 4 h'],
  ])('writes %d ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    [512, '512 B'],
    [14_889_779, '14.2 MB'],
  ])('writes %d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('another program', () => {
  it('is given its environment and its input, and tells lines as they come', async () => {
    const lines: string[] = [];
    const { stdout } = await run('sh', ['-c', 'cat; echo "$WORD"; echo two'], {
      env: { ...process.env, WORD: 'one' },
      input: 'zero\n',
      onOutputLine: (line) => lines.push(line),
    });
    expect(stdout).toBe('zero\none\ntwo\n');
    expect(lines).toEqual(['zero', 'one', 'two']);
  });

  it('that fails tells its last words without the secrets', async () => {
    const failing = runOrFail('sh', ['-c', 'echo "password s3cret is wrong" >&2; exit 3'], {
      secrets: ['s3cret'],
    });
    await expect(failing).rejects.toMatchObject({
      code: 'process/failed',
      message: 'sh ended with status 3: password ******** is wrong',
    });
  });

  it('that is not there is a failure with its name', async () => {
    await expect(run('no-such-program', [])).rejects.toMatchObject({
      code: 'process/not-found',
      message: expect.stringContaining('no-such-program'),
    });
  });

  it('ends with all its children when it is interrupted, even one that does not listen', async () => {
    const stop = new AbortController();
    let pid = 0;
    const running = run('sh', ['-c', 'trap "" TERM; sleep 60 & echo $!; wait; sleep 60'], {
      signal: stop.signal,
      graceMs: 200,
      onOutputLine: (line) => {
        pid = Number(line);
        stop.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(pid).toBeGreaterThan(0);
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('in the background is stopped on request', async () => {
    const background = await startBackground('sleep', ['60']);
    expect(isAlive(background.pid)).toBe(true);
    await background.stop();
    expect(await background.ended).not.toBe(0);
  });

  it('has its secrets hidden wherever they stand', () => {
    expect(redact('a s3cret, s3cret', ['s3cret', ''])).toBe('a ********, ********');
  });
});

// A stopped process whose parent has not looked at it yet is still in the list, as a zombie.
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]);
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

describe('a time to come', () => {
  const now = new Date(2026, 10, 26, 23, 15);

  it.each([
    ['23:30', new Date(2026, 10, 26, 23, 30)],
    ['2:30', new Date(2026, 10, 27, 2, 30)],
    ['23:15', new Date(2026, 10, 27, 23, 15)],
    ['2026-11-28T02:30', new Date(2026, 10, 28, 2, 30)],
    ['2026-11-28T02:30Z', new Date(Date.UTC(2026, 10, 28, 2, 30))],
  ])('is read of %s', (text, at) => {
    expect(parseTime(text, now)).toEqual(at);
  });

  it.each(['', '25:00', '12:60', 'tomorrow', '7', '2026-11-28', '2026-13-01T00:00'])(
    'is not read of "%s"',
    (text) => {
      expect(parseTime(text, now)).toBeUndefined();
    },
  );
});
