// Work that only counts when all of it is done.

/** Both, or neither: the first failure stops the other, and is the one that is told. */
export async function together<A, B>(
  stop: AbortController,
  work: readonly [Promise<A>, Promise<B>],
): Promise<[A, B]> {
  for (const each of work) each.catch(() => stop.abort());
  try {
    return await Promise.all(work);
  } finally {
    await Promise.allSettled(work);
  }
}
