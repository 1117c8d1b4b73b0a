/** Tells of an error, and what it happened to. Never throws. */
export type Report<T> = (error: Error, about: T) => void;

/**
 * What tells of errors: the caller's `onError`, or the console. Who throws or rejects when it is told of one disturbs nothing; both
 * errors then go to the console.
 *
 * @param titleOf says on the console what it happened to
 */
export function reportTo<T>(
  onError: ((error: Error, about: T) => unknown) | undefined,
  titleOf: (about: T) => string,
): Report<T> {
  const print = (error: unknown, about: T): void => console.error(`tidings: ${titleOf(about)}:`, error);
  if (!onError) return print;
  const tell = async (error: Error, about: T): Promise<void> => {
    try {
      await onError(error, about);
    } catch (thrown) {
      print(error, about);
      print(thrown, about);
    }
  };
  return (error, about) => void tell(error, about);
}
