/** What is used of Vue. The package is optional, and its types are not installed here. */
declare module "vue" {
  interface Ref<T> {
    value: T;
  }
  type MaybeRefOrGetter<T> = T | Ref<T> | (() => T);
  interface App {
    provide(key: symbol, value: unknown): this;
    mount(...args: readonly unknown[]): unknown;
    unmount(): void;
  }
  interface EffectScope {
    run(fn: () => void): void;
  }
  interface ComponentInternalInstance {
    readonly uid: number;
  }
  function effectScope(): EffectScope;
  function getCurrentInstance(): ComponentInternalInstance | null;
  function inject<T>(key: symbol, defaultValue: T): T;
  function isReactive(value: unknown): boolean;
  function isRef(value: unknown): boolean;
  function onMounted(onMounted: () => void): void;
  function onScopeDispose(onDisposed: () => void): void;
  function provide(key: symbol, value: unknown): void;
  function readonly<T>(ref: Ref<T>): Readonly<Ref<T>>;
  function shallowRef<T>(value: T): Ref<T>;
  function toValue<T>(source: MaybeRefOrGetter<T>): T;
  function watch<T>(source: () => T, onChange: (value: T) => void, options: { immediate: true }): void;
}
