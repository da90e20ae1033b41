// A unified diff of two texts, line by line.

/** What changed in a file. */
export interface Change {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

interface Line {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

const context = 3;

/** The change as `diff -u` shows it, in one hunk from the first difference to the last. */
export function diff({ path, before, after }: Change): string {
  const old = linesOf(before);
  const now = linesOf(after);
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same += 1;
  let tail = 0;
  while (
    tail < old.length - same &&
    tail < now.length - same &&
    old[old.length - 1 - tail] === now[now.length - 1 - tail]
  ) {
    tail += 1;
  }
  const from = Math.max(0, same - context);
  const after3 = Math.min(tail, context);
  const unchanged = (text: string): Line => ({ mark: ' ', text });
  const hunk: Line[] = [
    ...old.slice(from, same).map(unchanged),
    ...middle(old.slice(same, old.length - tail), now.slice(same, now.length - tail)),
    ...old.slice(old.length - tail, old.length - tail + after3).map(unchanged),
  ];
  const count = (mark: Line['mark']): number =>
    hunk.filter((line) => line.mark === ' ' || line.mark === mark).length;
  const head = `@@ -${before === '' ? 0 : from + 1},${count('-')} +${from + 1},${count('+')} @@`;
  const name = before === '' ? '/dev/null' : path;
  return [`--- ${name}`, `+++ ${path}`, head, ...hunk.map(({ mark, text }) => mark + text)].join(
    '\n',
  );
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const largest = 4_000_000;

// Longest common subsequence; for texts so long that its table would not fit, all old then all new.
function middle(old: readonly string[], now: readonly string[]): Line[] {
  if (old.length * now.length > largest) {
    return [
      ...old.map((text): Line => ({ mark: '-', text })),
      ...now.map((text): Line => ({ mark: '+', text })),
    ];
  }
  const width = now.length + 1;
  const lengths = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [oldLine, newLine] = [old[i], now[j]];
    if (oldLine !== undefined && oldLine === newLine) {
      lines.push({ mark: ' ', text: oldLine });
      i += 1;
      j += 1;
    } else if (oldLine !== undefined && (newLine === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ mark: '-', text: oldLine });
      i += 1;
    } else if (newLine !== undefined) {
      lines.push({ mark: '+', text: newLine });
      j += 1;
    }
  }
  return lines;
}
