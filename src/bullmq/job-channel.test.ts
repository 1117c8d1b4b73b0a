import { expect, it } from "vitest";
import { jobChannel, jobOfChannel } from "../bullmq.ts";
import { isChannelName } from "../protocol/names.ts";

const IDS = ["7", "order/7", "order/é 7", "a b", "a~20b", "a%20b", "100%", "日本 🙂", "a:b", "{x}", "!control"];

it("every id of a job is a channel of its own, from which it is read again", () => {
  const channels = IDS.map((id) => jobChannel("print", id));
  for (const channel of channels) expect(channel).toSatisfy(isChannelName);
  expect(new Set(channels).size).toBe(IDS.length);
  expect(channels.map((channel) => jobOfChannel("print", channel))).toEqual(IDS);
  expect(jobChannel("print", "order/é 7")).toBe("job:print:order/~c3~a9~207");
  expect(jobOfChannel("big prints", jobChannel("big prints", "7"))).toBe("7");
});

it.each([
  "7",
  "job:other:7",
  "job:print:",
  "job:print",
  "job:print:~2",
  "job:print:~ff",
  "job:print:~41",
  "job:print:~C3~A9",
  "job:print:%41",
])("%s is no channel of a job", (channel) => {
  expect(jobOfChannel("print", channel)).toBeUndefined();
});
