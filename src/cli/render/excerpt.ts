// The place in a statement that the server complained about, with a caret.

/** The excerpt for a server error's details (`statement`, `position` in code points from 1). */
export function excerptOfStatement(details: Readonly<Record<string, unknown>>): string | undefined {
  const { statement, position, line } = details;
  if (typeof statement !== 'string') return undefined;
  const startLine = typeof line === 'number' ? line : 1;
  if (typeof position !== 'number') return numbered(statement.split('\n').slice(0, 4), startLine);
  const before = Array.from(statement)
    .slice(0, position - 1)
    .join('');
  const lineIndex = before.split('\n').length - 1;
  const source = statement.split('\n')[lineIndex] ?? '';
  const column = before.length - (before.lastIndexOf('\n') + 1);
  const margin = `${startLine + lineIndex} | `;
  const gap = source.slice(0, column).replaceAll(/[^\t]/g, ' ');
  return `${margin}${source.replace(/\r$/, '')}\n${' '.repeat(margin.length - 2)}| ${gap}^`;
}

function numbered(lines: readonly string[], from: number): string {
  const width = String(from + lines.length - 1).length;
  return lines.map((line, index) => `${String(from + index).padStart(width)} | ${line}`).join('\n');
}
