import { Client } from "@upstash/workflow";

// A route exports its methods and nothing else, so the client is a file of its own.
export const workflowClient = new Client({ baseUrl: process.env.QSTASH_URL, token: process.env.QSTASH_TOKEN });
