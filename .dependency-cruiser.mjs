// @ts-check
/**
 * Who may import whom. Arrows point inward: entries → realtime, transports → hub → brokers/broker.ts (the port) → protocol.
 * The browser's side sees `protocol`, and of `schema` only types.
 */

/** @import { IConfiguration, IRegularForbiddenRuleType } from "dependency-cruiser" */

const TEST = String.raw`\.test(-d)?\.tsx?$`;

/**
 * @param {string} name
 * @param {string} comment
 * @param {IRegularForbiddenRuleType["from"]} from
 * @param {IRegularForbiddenRuleType["to"]} to
 * @returns {IRegularForbiddenRuleType}
 */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/**
 * The files of a layer, without their tests: a test may use what it needs.
 * @param {string} pattern
 */
const code = (pattern) => ({ path: pattern, pathNot: [TEST] });

/** @type {IConfiguration} */
const config = {
  forbidden: [
    forbid("protocol-imports-nothing", "`protocol` is shared by server and browser; it stands alone.", code("^src/protocol/"), {
      pathNot: ["^src/protocol/"],
    }),
    forbid("schema-knows-protocol", "`schema` knows the vocabulary and nothing else.", code("^src/schema/"), {
      pathNot: ["^src/(schema|protocol)/"],
    }),
    forbid(
      "brokers-know-protocol",
      "A broker stores and announces; it knows the vocabulary and nothing else.",
      code("^src/brokers/"),
      {
        path: "^src/",
        pathNot: ["^src/(brokers|protocol)/"],
      },
    ),
    forbid("hub-knows-ports", "The hub knows no broker and no transport, only `brokers/broker.ts`.", code("^src/hub/"), {
      path: "^src/",
      pathNot: ["^src/(hub|protocol)/", String.raw`^src/brokers/broker\.ts$`],
    }),
    forbid("hub-takes-types-of-the-port", "A port is a type.", code("^src/hub/"), {
      path: "^src/brokers/",
      dependencyTypesNot: ["type-only"],
    }),
    forbid("realtime-knows-no-transport", "`Realtime` works without HTTP.", code("^src/realtime/"), {
      path: "^src/(transports|client|testing)(/|$)",
    }),
    forbid("transports-know-no-broker", "Transports move bytes; the log is behind the hub.", code("^src/transports/"), {
      path: "^src/(brokers|client|testing)(/|$)",
    }),
    forbid("client-is-for-browsers", "The browser's code imports nothing of the server (I12).", code("^src/client/"), {
      path: "^src/",
      pathNot: ["^src/(client|protocol|schema)/"],
    }),
    forbid("client-takes-types-of-schema", "No validator reaches a browser (I12).", code("^src/client/"), {
      path: "^src/schema/",
      dependencyTypesNot: ["type-only"],
    }),
    forbid(
      "cli-is-a-user",
      "A command uses the package as its users do. The doctor besides speaks to Redis as the broker does, and imports that.",
      code("^src/cli/"),
      {
        path: "^src/",
        pathNot: [
          "^src/(cli|protocol|brokers)/",
          String.raw`^src/(index|node|testing)\.ts$`,
          String.raw`^src/(client|adapters)/[^/]+\.ts$`,
        ],
      },
    ),
    forbid(
      "nobody-knows-the-cli",
      "A command is run, and never imported.",
      { path: "^src/", pathNot: ["^src/cli/", TEST] },
      { path: "^src/cli/" },
    ),
    ...["react", "svelte", "vue"].map((framework) =>
      forbid(
        `only-${framework}-knows-${framework}`,
        "The core works without a framework, and each framework without the others.",
        {
          path: "^src/client/",
          pathNot: [TEST, String.raw`^src/client/${framework}(/|\.ts$)`],
        },
        {
          path: `^(node_modules/)?${framework}(-dom)?(/|$)|^src/client/${framework}/|/node_modules/(@types/)?${framework}(-dom)?/`,
        },
      ),
    ),
    forbid(
      "other-ways-in-are-users",
      "What is built on the core uses the package as its users do. Both sides of the wire share its vocabulary.",
      code("^src/(dialects|runs|events|resources|workflow|inngest|bullmq)(/|\\.ts$)"),
      {
        path: "^src/",
        pathNot: [
          "^src/(protocol|dialects|runs|events|resources|workflow|inngest|bullmq)/",
          String.raw`^src/index\.ts$`,
          String.raw`^src/client/(core|react)\.ts$`,
        ],
      },
    ),
    ...["events", "resources", "workflow", "inngest", "bullmq"].map((way) =>
      forbid(`${way}-stands-alone`, "No way in needs another one.", code(`^src/${way}(/|\\.ts$)`), {
        path: `^src/(events|resources|workflow|inngest|bullmq)/`,
        pathNot: [`^src/${way}/`],
      }),
    ),
    forbid(
      "event-hooks-are-for-browsers",
      "Hooks import nothing of the server (I12).",
      code(String.raw`^src/events/(client(/|\.ts$)|[^/]+\.ts$)`),
      {
        path: "^src/",
        pathNot: [String.raw`^src/events/(client/|[^/]+\.ts$)`, "^src/protocol/", String.raw`^src/client/core\.ts$`],
      },
    ),
    forbid(
      "resources-client-is-for-browsers",
      "The hooks of `tidings/resources/client` import nothing of the server (I12).",
      code("^src/resources/client(/|\\.ts$)"),
      {
        path: "^src/",
        pathNot: [
          "^src/protocol/",
          String.raw`^src/resources/(client/|client\.ts$|names\.ts$)`,
          String.raw`^src/client/(core|react)\.ts$`,
        ],
      },
    ),
    forbid("monitoring-looks-from-outside", "It reads what a `Realtime` tells.", code("^src/monitoring/"), {
      path: "^src/",
      pathNot: ["^src/(monitoring|protocol|realtime)/", String.raw`^src/hub/observer\.ts$`],
    }),
    forbid(
      "nobody-needs-monitoring",
      "Who does not watch pays nothing for it.",
      { path: "^src/[a-z]+/", pathNot: [TEST, "^src/monitoring/"] },
      {
        path: "^src/monitoring/",
      },
    ),
    forbid(
      "only-opentelemetry-knows-opentelemetry",
      "It is a peer of one entry alone.",
      { path: "^src/", pathNot: [TEST, String.raw`^src/monitoring/opentelemetry\.ts$`] },
      { path: "node_modules/@opentelemetry/" },
    ),
    forbid(
      "node-only-at-the-edge",
      "Everything else runs on Bun, Deno and workers too.",
      {
        path: "^src/",
        pathNot: [TEST, String.raw`^src/node\.ts$`, "^src/transports/node", "^src/brokers/redis/[^/]*driver", "^src/cli/"],
      },
      { dependencyTypes: ["core"] },
    ),
    forbid(
      "no-package-but-peers",
      "The package has no dependencies. React is a peer of the React entry alone, OpenTelemetry's API of its own.",
      code("^src/"),
      {
        dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"],
        pathNot: ["node_modules/(@types/)?react/", "node_modules/@opentelemetry/api/"],
      },
    ),
    forbid("no-test-in-code", "Code never imports tests, scripts, examples or what stands beside `src`.", code("^src/"), {
      path: [TEST, "^(test|scripts|bench|examples)/"],
    }),
    forbid("no-cycle", "Two modules that need each other are one module, or three.", code("^src/"), {
      circular: true,
      viaOnly: { dependencyTypesNot: ["type-only"] },
    }),
    forbid(
      "no-unresolved",
      "The import leads nowhere. Some optional peers are declared, not installed.",
      { path: "^src/" },
      { couldNotResolve: true, pathNot: ["^(svelte|vue)($|/)", "^(@upstash/workflow|inngest)$"] },
    ),
  ],
  options: {
    // Imports of types count, and are told apart.
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};

export default config;
