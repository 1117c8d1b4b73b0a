import { clusterSuite } from "../support/redis-cluster-suite.ts";

clusterSuite(["ioredis 6", "node-redis 6"]);
