import { sentinelSuite } from "../support/redis-sentinel-suite.ts";

sentinelSuite(["ioredis 6", "node-redis 6"]);
