import { escapedName, unescapedName } from "../protocol/escaped-name.ts";

/**
 * The channel of a job, unless the bridge names another one: `job:<queue>:<job id>`. What no channel's name can hold, as the space in
 * `order 7`, is escaped.
 */
export function jobChannel(queue: string, jobId: string): string {
  return `job:${escapedName(queue)}:${escapedName(jobId)}`;
}

/** The id of the job whose channel it is, in this queue; nothing, if it is none of its channels. For `authorize`. */
export function jobOfChannel(queue: string, channel: string): string | undefined {
  const start = jobChannel(queue, "");
  return channel.startsWith(start) ? unescapedName(channel.slice(start.length)) || undefined : undefined;
}
