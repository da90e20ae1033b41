// Asks one question of a health report, within a time, and turns whatever happens into a value.

/** What came of a question: a value, or a problem in words that may be shown to anyone. */
export interface Answer<T> {
  readonly ms: number;
  readonly value?: T;
  readonly problem?: string;
}

interface OpenQuestion {
  readonly askedAt: number;
  readonly answer: Promise<unknown>;
}

// A question that is still open is not asked again: else every look at the health of a database
// that hangs would take one more connection from the application.
const openQuestions = new WeakMap<object, OpenQuestion>();

/** Asks `question`, or joins the same one (same `key`) that is still open. Never throws. */
export async function ask<T>(
  key: object,
  timeoutMs: number,
  question: () => Promise<T>,
): Promise<Answer<T>> {
  const { askedAt, answer } = openQuestions.get(key) ?? open(key, question);
  const ms = (): number => Math.round((performance.now() - askedAt) * 10) / 10;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Answer<T>>((resolve) => {
    const problem = `no answer within ${timeoutMs} ms`;
    timer = setTimeout(() => resolve({ ms: ms(), problem }), timeoutMs);
  });
  const inTime = answer.then(
    (value): Answer<T> => ({ ms: ms(), value: value as T }),
    (error: unknown): Answer<T> => ({ ms: ms(), problem: `failed${codeOf(error)}` }),
  );
  return Promise.race([inTime, tooLate]).finally(() => clearTimeout(timer));
}

function open(key: object, question: () => Promise<unknown>): OpenQuestion {
  const asked = {
    askedAt: performance.now(),
    // A question that throws at once is an answer too.
    answer: Promise.resolve().then(question),
  };
  const forget = (): boolean => openQuestions.delete(key);
  openQuestions.set(key, asked);
  asked.answer.then(forget, forget);
  return asked;
}

/**
 * The SQLSTATE or system code of an error, in brackets with a leading space; empty without one.
 * The text of an error may hold addresses, names and data: it is for nobody outside.
 */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z0-9_]{3,40}$/.test(code) ? ` (${code})` : '';
}
