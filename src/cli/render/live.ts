// A block of lines on a terminal that is written anew in its place, and lines that stay above it.

/** A block that moves down as lines are written above it. */
export interface LiveBlock {
  /** Shows this text in the place of the last one. */
  show(text: string): void;
  /** Writes a line that stays. */
  line(text: string): void;
  /** Takes the block away. */
  close(): void;
}

/** Begins a block on a terminal. */
export function liveBlock(stream: NodeJS.WriteStream): LiveBlock {
  let shown: readonly string[] = [];
  const clear = (): void => {
    if (shown.length > 0) stream.write(`\u001B[${shown.length}A\r\u001B[J`);
    shown = [];
  };
  const draw = (lines: readonly string[]): void => {
    // What has left the screen at its top cannot be written over.
    shown = lines.slice(0, (stream.rows || 24) - 1);
    stream.write(shown.map((line) => `${line}\n`).join(''));
  };
  return {
    show: (text) => {
      clear();
      draw(text.split('\n'));
    },
    line: (text) => {
      const block = shown;
      clear();
      stream.write(`${text}\n`);
      draw(block);
    },
    close: clear,
  };
}
