import { clusterSuite } from "../support/redis-cluster-suite.ts";

clusterSuite(["ioredis 5", "node-redis 5"]);
