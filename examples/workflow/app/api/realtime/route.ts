import { handle } from "tidings";
import { realtime } from "@/lib/realtime";

export const GET = handle({
  realtime,
  // Who knows the id of a run may watch it, and nobody can guess one. Ask who is asking, where runs belong to somebody.
  authorize: ({ channel }) => channel.startsWith("wfr_"),
});
