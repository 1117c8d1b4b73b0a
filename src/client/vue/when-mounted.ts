import { effectScope, getCurrentInstance, onMounted } from "vue";

/**
 * Runs something once the component is mounted, in the scope of the caller: on the server nothing is mounted, and in the browser
 * the first render is the server's. Without a component, as in a store that a page creates, it runs at once.
 */
export function whenMounted(begin: () => void): void {
  // The caller's scope may live longer than the component: that of a store does.
  const scope = effectScope();
  const run = (): void => scope.run(begin);
  if (getCurrentInstance()) onMounted(run);
  else if (globalThis.window) run();
}
