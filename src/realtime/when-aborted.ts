const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when a signal aborts, and adds one listener to it however many wait: from the eleventh on, Node warns of a leak.
 *
 * @returns ends the wait.
 */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  const waiting = callbacks.get(signal) ?? listenTo(signal);
  waiting.add(callback);
  return () => void waiting.delete(callback);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>();
  callbacks.set(signal, waiting);
  const onAbort = (): void => {
    for (const callback of waiting) callback();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  return waiting;
}
