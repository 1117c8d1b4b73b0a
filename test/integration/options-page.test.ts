import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { IoRedisAdapterOptions } from "../../src/adapters/ioredis.ts";
import type { ApiOptions, ClientSubscribeOptions, HistoryOption, RealtimeClientOptions } from "../../src/client/core.ts";
import type { RealtimeProviderProps, UseRealtimeOptions, UseRealtimeStateOptions } from "../../src/client/react.ts";
import type { UseLiveChannelOptions, UseResourceListOptions } from "../../src/resources/client.ts";
import type { AdminOptions, ResourceOptions, StreamOptions } from "../../src/resources.ts";
import type { ProvideRealtimeOptions } from "../../src/client/vue.ts";
import type { EventStreamOptions } from "../../src/events/client.ts";
import type { EventsOptions, PublishOptions } from "../../src/events.ts";
import type {
  CorsOptions,
  DisconnectOptions,
  DrainOptions,
  HandleLimits,
  HandleOptions,
  HistoryOptions,
  HistoryQuery,
  RealtimeHooks,
  RealtimeLimits,
  RealtimeOptions,
  SubscribeOptions,
} from "../../src/index.ts";
import {
  DEFAULT_DISCONNECT_SECS,
  DEFAULT_EMIT_TIMEOUT_SECS,
  DEFAULT_EXPIRE_AFTER_SECS,
  DEFAULT_GRACE_SECS,
  DEFAULT_MAX_DURATION_SECS,
  DEFAULT_MAX_LENGTH,
  MAX_BUFFERED_BYTES,
  DECIDE_SECS,
  MAX_CHANNELS,
  MAX_HISTORY_LIMIT,
  MAX_PAYLOAD_BYTES,
  MAX_TOTAL_BUFFERED_BYTES,
  MAX_REPLAY_BYTES,
  MAX_STREAMS_PER_ADDRESS,
  MAX_STREAMS_PER_USER,
  MAX_URL_BYTES,
} from "../../src/protocol/limits.ts";

/** Each option of `T`, with its default as the page has it; one that holds options of its own is named by those. */
type Defaults<T, Groups extends keyof T = never> = Record<Exclude<keyof T, Groups>, string>;
type Past = Exclude<SubscribeOptions<string, unknown>["history"], boolean | undefined>;
type ClientPast = Exclude<HistoryOption, boolean>;

const page = readFileSync(new URL("../../docs/options.md", import.meta.url), "utf8");

/** The options under a heading, with their defaults. */
function optionsUnder(heading: string): Record<string, string> {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  expect(section, `a section "${heading}"`).toBeDefined();
  const rows = (section ?? "").matchAll(/^\| `(?<name>[\w.]+)` \| (?<fallback>[^|]+) \| \S.*\|$/gm);
  return Object.fromEntries([...rows].map(({ groups = {} }) => [groups["name"], groups["fallback"]?.replaceAll("`", "")]));
}

function within(group: string, options: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([name, fallback]) => [`${group}.${name}`, fallback]));
}

// An option without a line here does not compile; one without a line on the page, or with another default, fails.
describe("docs/options.md names every option and its default", () => {
  it("of Realtime", () => {
    const options: Defaults<RealtimeOptions, "limits" | "hooks"> = {
      schema: "none",
      redis: "memory",
      broker: "none",
      keyPrefix: '"tidings"',
      interop: "none",
      history: "true",
      maxDurationSecs: String(DEFAULT_MAX_DURATION_SECS),
      emitTimeoutSecs: String(DEFAULT_EMIT_TIMEOUT_SECS),
      plugins: "none",
      logger: "console",
      verbose: "false",
    };
    const history: Defaults<HistoryOptions> = {
      maxLength: String(DEFAULT_MAX_LENGTH),
      expireAfterSecs: String(DEFAULT_EXPIRE_AFTER_SECS),
    };
    const limits: Defaults<RealtimeLimits> = {
      maxPayloadBytes: String(MAX_PAYLOAD_BYTES),
      maxTotalBufferedBytes: String(MAX_TOTAL_BUFFERED_BYTES),
    };
    const hooks: Defaults<RealtimeHooks> = {
      onConnect: "none",
      onDisconnect: "none",
      onEmit: "none",
      onReplay: "none",
      onGap: "none",
      onLag: "none",
      onBroker: "none",
    };
    const groups = { ...within("history", history), ...within("limits", limits), ...within("hooks", hooks) };
    expect(optionsUnder("new Realtime(…)")).toEqual({ ...options, ...groups });
  });

  it("of resources", () => {
    const ofResource: Defaults<ResourceOptions> = {
      columns: "none",
      realtime: "false",
      access: "everybody whom auth lets in",
      key: 'the primary key, else "id"',
    };
    const ofAdmin: Defaults<AdminOptions> = {
      adapter: "none",
      auth: "none: anybody may",
      resources: "any name",
      realtime: '{ driver: "memory" }',
    };
    const ofStream: Defaults<StreamOptions> = {
      heartbeatMs: "15000",
      address: "none is counted",
      cors: "none",
      limits: "those of handle",
      revalidateSecs: "never",
    };
    const ofHooks: Defaults<UseLiveChannelOptions & UseResourceListOptions<object>> = {
      endpoint: '"/api/flowpanel/stream"',
      reconnectMaxMs: "30000",
      enabled: "true",
      onGap: "none",
      onReconnect: "none",
      after: "from now on",
      debounceMs: "200",
      jitterMs: "200",
      fetch: "by url",
      url: '"/api/" and the name',
      page: "1",
      pageSize: "20",
      query: "none",
      key: '"id"',
      initial: "none",
    };
    expect(optionsUnder("resource(…)")).toEqual(ofResource);
    expect(optionsUnder("defineAdmin(…)")).toEqual(ofAdmin);
    expect(optionsUnder("stream(…)")).toEqual(ofStream);
    expect(optionsUnder("useLiveChannel(…), useLiveResource(…), useResourceList(…)")).toEqual(ofHooks);
  });

  it("of handle", () => {
    const options: Defaults<HandleOptions, "cors" | "limits"> = {
      realtime: "required",
      middleware: "none",
      identify: "none",
      authorize: "none",
      address: "none is counted",
      revalidateSecs: "never",
    };
    const cors: Defaults<CorsOptions> = { origin: "none", credentials: "false" };
    const limits: Defaults<HandleLimits> = {
      maxChannels: String(MAX_CHANNELS),
      maxUrlBytes: String(MAX_URL_BYTES),
      maxStreamsPerUser: String(MAX_STREAMS_PER_USER),
      maxStreamsPerAddress: String(MAX_STREAMS_PER_ADDRESS),
      decideSecs: String(DECIDE_SECS),
      maxBufferedBytes: String(MAX_BUFFERED_BYTES),
      maxReplayBytes: String(MAX_REPLAY_BYTES),
    };
    expect(optionsUnder("handle(…)")).toEqual({ ...options, ...within("cors", cors), ...within("limits", limits) });
  });

  it("of tidings/events", () => {
    const options: Defaults<EventsOptions> = {
      redis: "that of KV_REST_API_URL and KV_REST_API_TOKEN, else memory",
      keyPrefix: '"tidings:events"',
      history: "true",
      realtime: "none",
      identify: "required",
      authorize: "no channel may be read",
      address: "none is counted",
      revalidateSecs: "never",
      cors: "none",
      limits: "those of handle",
    };
    const publish: Defaults<PublishOptions> = { id: "one for all publishes of the same object in one turn" };
    const hook: Defaults<EventStreamOptions<unknown>> = {
      url: '"/api/events/stream"',
      userId: "whom the server knows",
      channels: "none",
      enabled: "true",
      onEvent: "none",
      onGap: "a warning in development",
    };
    expect(optionsUnder("createEvents(…)")).toEqual(options);
    expect(optionsUnder("publishToUser(…), publishToChannel(…), broadcast(…)")).toEqual(publish);
    expect(optionsUnder("useEventStream(…)")).toEqual(hook);
  });

  it("of disconnect", () => {
    const options: Defaults<DisconnectOptions> = {
      user: "none",
      channel: "none",
      timeoutSecs: String(DEFAULT_DISCONNECT_SECS),
    };
    expect(optionsUnder("disconnect(…)")).toEqual(options);
  });

  it("of drain", () => {
    const options: Defaults<DrainOptions> = { graceSecs: String(DEFAULT_GRACE_SECS) };
    expect(optionsUnder("drain(…)")).toEqual(options);
  });

  it("of history", () => {
    const options: Defaults<HistoryQuery> = { limit: String(MAX_HISTORY_LIMIT), after: "none", start: "none", end: "none" };
    expect(optionsUnder("history(…)")).toEqual(options);
  });

  it("of subscribe", () => {
    const options: Defaults<SubscribeOptions<string, unknown>> = {
      onData: "required",
      events: "all",
      history: "false",
      after: "none",
      onGap: "a warning",
      signal: "none",
    };
    const past: Defaults<Past> = { limit: "all", start: "none", end: "none" };
    expect(optionsUnder("subscribe(…)")).toEqual({ ...options, ...within("history", past) });
  });

  it("of the adapter", () => {
    const options: Defaults<IoRedisAdapterOptions> = { keyPrefix: "that of Realtime" };
    expect(optionsUnder("createIORedisAdapter(client, …)")).toEqual(options);
  });

  it("of the client and the provider", () => {
    const options: Defaults<RealtimeClientOptions, "api" | "clock"> = {
      maxReconnectAttempts: "Infinity",
      fetch: "that of the platform",
    };
    const api: Defaults<ApiOptions> = {
      url: '"/api/realtime"',
      headers: "none",
      withCredentials: "false",
      shareTabs: "not shared",
    };
    const props: Defaults<RealtimeProviderProps, "children" | "client" | "api"> = {
      maxReconnectAttempts: options.maxReconnectAttempts,
      onConnectionLost: "none",
      onConnectionRestored: "none",
      connectionLostAfterSecs: "5",
    };
    const provided: Defaults<ProvideRealtimeOptions, "client" | "api" | "clock"> = { ...options, ...props };
    const heading = "RealtimeProvider, provideRealtime(…), createRealtimeClient(…)";
    expect(optionsUnder(heading)).toEqual({ ...provided, ...within("api", api) });
  });

  it("of the hook and of the client's subscribe", () => {
    const shared: Defaults<ClientSubscribeOptions> & Defaults<UseRealtimeOptions<Record<string, unknown>>> = {
      channels: '["default"]',
      events: "all",
      onData: "none",
      onGap: "a warning in development",
      history: "false",
      after: "none",
      enabled: "true",
      cursors: "a new map",
    };
    const { length, ...past }: Defaults<ClientPast> = { limit: "all", length: "the same as limit", since: "none" };
    expect(page, length).toContain("(`length` is the same)");
    expect(optionsUnder("useRealtime(…), client.subscribe(…)")).toEqual({ ...shared, ...within("history", past) });
  });

  it("of the state", () => {
    const options: Defaults<UseRealtimeStateOptions<unknown, Record<string, unknown>>> = {
      channel: "required",
      initial: "required",
      reduce: "required",
      after: "none",
      resync: "none",
      events: "all",
      onGap: "a warning in development",
    };
    expect(optionsUnder("useRealtimeState(…)")).toEqual(options);
  });
});
