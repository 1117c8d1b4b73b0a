import { sentinelSuite } from "../support/redis-sentinel-suite.ts";

sentinelSuite(["ioredis 5", "node-redis 5"]);
